//! In which order the tables of a destination are written, so that no foreign key among them is hurt
//! on the way. Pure.

use super::target::TargetTable;

/// The tables by their places, each after those that its foreign keys lead to; in the order given
/// where that leaves it open, and where keys lead in a circle.
pub(super) fn parents_first<'a>(tables: impl Iterator<Item = &'a TargetTable>) -> Vec<usize> {
    let references: Vec<(u32, Vec<u32>)> =
        tables.map(|table| (table.oid, table.referenced_by.clone())).collect();
    order(&references)
}

/// Of tables by their oids, each with those whose foreign keys lead to it.
fn order(tables: &[(u32, Vec<u32>)]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < tables.len() {
        let left = || (0..tables.len()).filter(|at| !order.contains(at));
        let has_parent_left = |at: &usize| {
            left().any(|other| other != *at && tables[other].1.contains(&tables[*at].0))
        };
        let next = left().find(|at| !has_parent_left(at)).or_else(|| left().next());
        order.extend(next);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn parents_come_before_their_children_and_a_circle_keeps_the_order_given() {
        // 1 is the parent of 2, which is that of 3; 4 stands alone.
        let tables = [(3, vec![]), (2, vec![3]), (4, vec![]), (1, vec![2, 1])];
        assert_eq!(order(&tables), [2, 3, 1, 0]);
        assert_eq!(order(&[(1, vec![2]), (2, vec![1])]), [0, 1]);
    }
}
