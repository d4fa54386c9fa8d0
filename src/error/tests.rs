//! Reports, ranks and what is left out.

use super::*;

#[test]
fn a_report_has_what_where_cause_and_fix_on_a_line_each() {
    let error = Error::new(ErrorKind::Rejected, "cannot append to destination \"reporting\"")
        .at("reporting.public.events, ids 120001..130000")
        .because("column \"currency\" does not exist")
        .fix("add the column, then start again");
    assert_eq!(
        error.report(),
        "error: cannot append to destination \"reporting\"\n  where: reporting.public.events, ids \
         120001..130000\n  cause: column \"currency\" does not exist\n    fix: add the column, \
         then start again"
    );
}

#[test]
fn what_comes_from_outside_makes_no_line_of_a_report_and_reaches_no_terminal() {
    let hostile = "x\nerror: forged\r\u{1b}[2J\u{202e}";
    let error = Error::new(ErrorKind::Access, hostile).at(hostile).because(hostile).fix(hostile);
    let fit = r"x\u{a}error: forged\u{d}\u{1b}[2J\u{202e}";
    assert_eq!(error.to_string(), format!("{fit} ({fit}): {fit}"));
    assert!(
        error.report().ends_with("    fix: x\n         error: forged\\u{d}\\u{1b}[2J\\u{202e}")
    );
    assert_eq!(Warning::new(hostile, hostile).to_string(), format!("{fit}; {fit}"));
}

#[test]
fn of_several_causes_the_first_of_4_6_7_3_5_8_gives_the_exit_code() {
    let ranks = [
        ErrorKind::Contents,
        ErrorKind::Order,
        ErrorKind::Rejected,
        ErrorKind::Unsuitable,
        ErrorKind::Fed,
        ErrorKind::Unavailable,
    ];
    for (worse, better) in ranks.iter().zip(&ranks[1..]) {
        let mut problems = Problems::new();
        problems.push(Error::new(*better, "b"));
        problems.push(Error::new(*worse, "a"));
        assert_eq!(problems.worst().map(Error::kind), Some(*worse));
    }
}

#[test]
fn a_wider_what_keeps_the_narrow_one_as_the_first_cause() {
    let error = Error::new(ErrorKind::Unavailable, "cannot connect")
        .because("refused")
        .while_doing("cannot open lane");
    assert_eq!(error.to_string(), "cannot open lane: cannot connect: refused");
}
