//! Fail points and the plan of chaos: what everybody runs has none of them, and a seed is a plan.

#[path = "../chaos/plan.rs"]
#[allow(dead_code, reason = "shared with the program")]
mod plan;
#[path = "../chaos/points.rs"]
mod points;

#[test]
fn only_a_build_with_the_feature_has_fail_points() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_counterfoil")).unwrap();
    let names = points::all();
    assert!(names.len() > 15, "{names:?}");
    let program = String::from_utf8_lossy(&program);
    assert!(program.contains("cannot append to destination"), "this test reads nothing");
    for name in names.iter().map(String::as_str).chain(["COUNTERFOIL_FAIL_POINTS"]) {
        assert_eq!(program.contains(name), cfg!(feature = "fail-points"), "{name}");
    }
}

#[test]
fn a_point_has_a_name_of_its_own_that_tells_its_room() {
    let names = points::all();
    let mut once = names.clone();
    once.dedup();
    assert_eq!(once, names);
    assert!(names.iter().all(|name| name.split('.').count() == 2), "{names:?}");
}

#[test]
fn the_same_seed_is_the_same_plan_and_another_seed_another() {
    assert_eq!(plan::acts(7, 60), plan::acts(7, 60));
    assert_ne!(plan::acts(7, 60), plan::acts(8, 60));
    let starts = |seed| {
        let mut starts = plan::Starts::new(seed, 20);
        std::iter::repeat_with(|| starts.next()).take(50).collect::<Vec<_>>()
    };
    assert_eq!(starts(7), starts(7));
    assert_ne!(starts(7), starts(8));
}

/// What is never planned is never tried.
#[test]
fn a_minute_has_every_kind_of_source_and_ten_minutes_every_kind_of_fault() {
    let acts = plan::acts(1, 60);
    assert_eq!(acts.len(), 4);
    for kind in [plan::Kind::Doorbell, plan::Kind::TwoPhase, plan::Kind::Consecutive] {
        assert!(acts.iter().any(|act| act.kind == kind), "{kind:?}");
    }
    let long = plan::acts(1, 600);
    let kinds: std::collections::BTreeSet<String> = long
        .iter()
        .flat_map(|act| &act.faults)
        .map(|(_, fault)| format!("{fault:?}").split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.len(), 21, "{kinds:?}");
}
