//! Each discipline is told from the facts of the catalog, and each broken one is refused.
#![allow(clippy::unwrap_used)]
use super::*;

fn name(name: &str) -> TableName {
    TableName { schema: "public".to_owned(), name: name.to_owned() }
}

fn bare() -> IdFacts {
    IdFacts {
        table: name("events"),
        role: "mover".to_owned(),
        id_column: "id".to_owned(),
        id_type_oid: Type::INT8.oid(),
        is_standby: false,
        is_subscribed: false,
        lowest: Some(1),
        highest: Some(100),
        sequences: Vec::new(),
        is_identity: false,
        default_expression: None,
        lock_relations: vec![70],
        drawing_triggers: Vec::new(),
        has_insert_events: false,
        counter: None,
        holes: Vec::new(),
    }
}

fn with_sequence(change: impl FnOnce(&mut IdSequence)) -> IdFacts {
    let mut sequence = IdSequence {
        oid: 71,
        name: name("events_id_seq"),
        increment: 1,
        cache: 1,
        is_cycle: false,
        value_max: i64::MAX,
        last_value: LastValue::At(100),
        may_select: true,
    };
    change(&mut sequence);
    IdFacts {
        sequences: vec![sequence],
        default_expression: Some("nextval('public.events_id_seq'::regclass)".to_owned()),
        holes: vec![(42, 42)],
        ..bare()
    }
}

fn with_function() -> IdFacts {
    IdFacts { has_insert_events: true, ..bare() }
}

fn refused(facts: &IdFacts, ids: IdsSetting) -> Error {
    let problems = judge(facts, ids, &[]).unwrap_err();
    assert_eq!(problems.iter().count(), 1, "{}", problems.report());
    problems.into_iter().next().unwrap()
}

#[test]
fn a_sequence_that_feeds_the_column_is_the_discipline_and_holes_do_not_matter() {
    let judged = judge(&with_sequence(|_| ()), IdsSetting::Auto, &[]).unwrap();
    assert_eq!(
        judged.discipline,
        Discipline::Sequence {
            sequence: 71,
            lock_relations: vec![71, 70],
            readable: Some(name("events_id_seq")),
        }
    );
    assert_eq!(
        judged.to_string(),
        "sequence: public.events_id_seq feeds \"id\", one value at a time"
    );
    assert!(judged.warnings.is_empty());
}

#[test]
fn an_identity_column_needs_no_default() {
    let facts = IdFacts { default_expression: None, is_identity: true, ..with_sequence(|_| ()) };
    assert!(matches!(
        judge(&facts, IdsSetting::Auto, &[]).unwrap().discipline,
        Discipline::Sequence { .. }
    ));
}

#[test]
fn cache_increment_and_cycle_are_refused_together_each_with_its_statement() {
    let facts = with_sequence(|sequence| {
        sequence.cache = 20;
        sequence.increment = 50;
        sequence.is_cycle = true;
    });
    let problems = judge(&facts, IdsSetting::Auto, &[]).unwrap_err();
    let fixes: Vec<&str> = problems.iter().filter_map(Error::remedy).collect();
    assert_eq!(fixes.len(), 3);
    for statement in ["INCREMENT 1;", "CACHE 1;", "NO CYCLE;"] {
        let whole = format!("ALTER SEQUENCE public.events_id_seq {statement}");
        assert!(fixes.iter().any(|fix| fix.contains(&whole)), "{fixes:?}");
    }
    assert!(problems.iter().all(|problem| problem.kind() == ErrorKind::Unsuitable));
    assert!(judge(&facts, IdsSetting::Sequence, &[]).is_err());
}

#[test]
fn a_descending_sequence_is_refused() {
    assert!(
        refused(&with_sequence(|s| s.increment = -1), IdsSetting::Auto)
            .what()
            .contains("counts by -1")
    );
}

#[test]
fn ids_above_the_last_value_do_not_come_from_the_sequence() {
    for last_value in [LastValue::At(99), LastValue::Unused] {
        let problem = refused(&with_sequence(|s| s.last_value = last_value), IdsSetting::Auto);
        assert!(
            problem.what().contains("do not come from sequence public.events_id_seq"),
            "{problem}"
        );
    }
}

#[test]
fn a_sequence_that_may_not_be_read_is_no_obstacle_but_is_said() {
    let unreadable = |sequence: &mut IdSequence| {
        sequence.last_value = LastValue::Unreadable;
        sequence.may_select = false;
    };
    let judged = judge(&with_sequence(unreadable), IdsSetting::Auto, &[]).unwrap();
    assert!(judged.warnings[0].what.contains("may not be read"));
}

#[test]
fn an_unused_sequence_fits_an_empty_table() {
    let facts = IdFacts {
        lowest: None,
        highest: None,
        ..with_sequence(|s| s.last_value = LastValue::Unused)
    };
    assert!(judge(&facts, IdsSetting::Auto, &[]).is_ok());
}

#[test]
fn an_id_computed_from_a_sequence_is_refused() {
    let facts = IdFacts {
        default_expression: Some("(nextval('public.events_id_seq'::regclass) * 2)".to_owned()),
        ..with_sequence(|_| ())
    };
    assert!(refused(&facts, IdsSetting::Auto).what().contains("not fed by one sequence alone"));
}

#[test]
fn a_trigger_that_draws_is_refused_until_it_is_declared() {
    let facts = IdFacts { drawing_triggers: vec!["set_id".to_owned()], ..with_sequence(|_| ()) };
    assert!(refused(&facts, IdsSetting::Auto).what().contains("trigger \"set_id\""));
    assert_eq!(judge(&facts, IdsSetting::Sequence, &[]).unwrap().warnings.len(), 1);
}

#[test]
fn a_standby_is_followed_with_consecutive_ids_only() {
    let standby = |facts: IdFacts| IdFacts { is_standby: true, ..facts };
    assert!(refused(&standby(with_sequence(|_| ())), IdsSetting::Auto).what().contains("standby"));
    assert!(
        refused(&standby(with_sequence(|_| ())), IdsSetting::Sequence).what().contains("standby")
    );
    assert!(
        refused(&standby(bare()), IdsSetting::Grace(Duration::from_secs(5)))
            .what()
            .contains("standby")
    );
    let judged = judge(&standby(with_function()), IdsSetting::Auto, &[]).unwrap();
    assert_eq!(judged.discipline, Discipline::Consecutive);
}

#[test]
fn a_logical_subscriber_is_no_source_of_sequence_ids() {
    let facts = IdFacts { is_subscribed: true, ..with_sequence(|_| ()) };
    assert!(refused(&facts, IdsSetting::Auto).what().contains("subscription"));
}

#[test]
fn insert_events_or_a_counter_with_consecutive_ids_is_the_discipline() {
    let by_counter = IdFacts { counter: Some(name("id")), ..bare() };
    for facts in [with_function(), by_counter] {
        assert_eq!(
            judge(&facts, IdsSetting::Auto, &[]).unwrap().discipline,
            Discipline::Consecutive
        );
    }
}

#[test]
fn consecutive_ids_without_a_sign_of_who_gives_them_out_are_refused() {
    let problem = refused(&bare(), IdsSetting::Auto);
    assert_eq!(
        (problem.kind(), problem.kind().consequence().exit_code),
        (ErrorKind::Unsuitable, 3)
    );
    let holes = IdFacts { holes: vec![(4712, 4800)], ..bare() };
    assert!(refused(&holes, IdsSetting::Auto).what().contains("first gap after 4711"));
    assert!(judge(&bare(), IdsSetting::Consecutive, &[]).is_ok());
}

#[test]
fn a_hole_in_consecutive_ids_breaks_the_order_unless_it_is_known() {
    let facts = IdFacts { holes: vec![(42, 42), (50, 59)], ..with_function() };
    let problem = refused(&facts, IdsSetting::Auto);
    assert_eq!((problem.kind(), problem.kind().consequence().exit_code), (ErrorKind::Order, 6));
    assert_eq!(problem.what(), "gap: id 42 is missing, 43 exists");
    assert!(problem.remedy().unwrap().contains("known_gaps = [\"42\"]"));
    assert!(judge(&facts, IdsSetting::Auto, &[(42, 42)]).is_err());
    assert!(judge(&facts, IdsSetting::Auto, &[(55, 60), (42, 42), (50, 54)]).is_ok());
}

#[test]
fn consecutive_ids_begin_at_1() {
    for (lowest, gaps, is_accepted) in [
        (1, vec![], true),
        (5, vec![], false),
        (5, vec![(1, 4)], true),
        (0, vec![], false),
        (i64::MIN, vec![], false),
    ] {
        let facts = IdFacts { lowest: Some(lowest), ..with_function() };
        assert_eq!(judge(&facts, IdsSetting::Auto, &gaps).is_ok(), is_accepted, "{lowest}");
    }
}

#[test]
fn an_empty_table_of_consecutive_ids_is_accepted() {
    let facts = IdFacts { lowest: None, highest: None, ..with_function() };
    assert!(judge(&facts, IdsSetting::Auto, &[]).is_ok());
}

#[test]
fn configured_consecutive_ids_fed_by_a_sequence_are_warned_about() {
    let facts = IdFacts { holes: Vec::new(), ..with_sequence(|_| ()) };
    let judged = judge(&facts, IdsSetting::Consecutive, &[]).unwrap();
    assert_eq!(judged.discipline, Discipline::Consecutive);
    assert!(judged.warnings[0].what.contains("the first rollback leaves a hole"));
}

#[test]
fn grace_is_allowed_where_declared_and_says_at_every_start_that_it_is_unsafe() {
    let judged =
        judge(&with_sequence(|s| s.cache = 20), IdsSetting::Grace(Duration::from_secs(5)), &[])
            .unwrap();
    assert_eq!(judged.discipline, Discipline::Grace(Duration::from_secs(5)));
    assert!(judged.warnings[0].what.contains("unsafe"));
}

#[test]
fn a_sequence_without_any_sequence_is_refused() {
    assert!(refused(&bare(), IdsSetting::Sequence).what().contains("no sequence feeds"));
}

#[test]
fn ids_near_the_end_of_their_type_or_sequence_are_warned_about() {
    let near = |id_type_oid, value_max, highest| {
        let mut facts = with_sequence(|s| {
            s.value_max = value_max;
            s.last_value = LastValue::At(i64::MAX);
        });
        facts.id_type_oid = id_type_oid;
        facts.highest = Some(highest);
        !judge(&facts, IdsSetting::Auto, &[]).unwrap().warnings.is_empty()
    };
    assert!(near(Type::INT4.oid(), i64::MAX, 1_999_999_999));
    assert!(!near(Type::INT4.oid(), i64::MAX, 1_900_000_000));
    assert!(near(Type::INT8.oid(), 2_147_483_647, 1_999_999_999));
    assert!(!near(Type::INT8.oid(), i64::MAX, 1_999_999_999));
}

#[test]
fn a_copy_is_followed_as_such_where_it_is_asked_for_also_on_a_standby_and_other_writers_are_told() {
    let standby = IdFacts { is_standby: true, ..bare() };
    for facts in [bare(), standby, IdFacts { holes: vec![(42, 42)], ..bare() }] {
        let judged = judge(&facts, IdsSetting::Copy, &[]).unwrap();
        assert_eq!((judged.discipline, judged.warnings.len()), (Discipline::Copy, 0));
    }
    for (facts, other) in
        [(with_sequence(|_| ()), "public.events_id_seq"), (with_function(), "insert_events")]
    {
        let judged = judge(&facts, IdsSetting::Copy, &[]).unwrap();
        let [warning] = judged.warnings.as_slice() else { panic!("{:?}", judged.warnings) };
        assert!(warning.to_string().contains(other), "{warning}");
    }
    let subscribed = refused(&IdFacts { is_subscribed: true, ..bare() }, IdsSetting::Copy);
    assert!(subscribed.what().contains("a logical subscription"), "{subscribed}");
    assert!(
        refused(&bare(), IdsSetting::Auto)
            .report()
            .contains("ids = \"copy\" where another Counterfoil feeds the table")
    );
}

#[test]
fn how_far_a_sequence_has_come_is_asked_where_it_may_be_read() {
    let judged =
        judge(&with_sequence(|sequence| sequence.may_select = false), IdsSetting::Auto, &[])
            .unwrap();
    assert!(matches!(judged.discipline, Discipline::Sequence { readable: None, .. }), "{judged}");
    // USAGE alone shows the last value at the start, and no more.
    assert!(judged.warnings[0].what.contains("may not be read"));
}
