//! Edits of texts: what is said is written, what is not said stays as it is, secrets are shown nowhere.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::error::{Error, ErrorKind};
use proptest::prelude::*;
use secrecy::ExposeSecret;

const EXAMPLE: &str = include_str!("../../../config/example.toml");
const MINIMAL: &str = include_str!("../../../config/minimal.toml");
const INLINE: &str = "source = { url = \"postgres://a@b/c\" } # one line\ndestinations = [{ name = \"x\", url = \"postgres://a@d/c\" }]\n";
const TEXTS: [&str; 4] = [EXAMPLE, MINIMAL, INLINE, ""];

/// All fields of a text, those of the first destination too.
fn fields(text: &str) -> Vec<FormField> {
    let sides = [of_source(text), of_table(text), of_destination(text, 0)];
    let all = sides.into_iter().flatten().chain(of_settings(text).unwrap());
    all.flat_map(|of| of.fields).collect()
}

fn field(text: &str, path: &str) -> FormField {
    fields(text).into_iter().find(|field| field.path == path).unwrap()
}

fn edit(path: &str, text: &str) -> FieldEdit {
    FieldEdit { path: path.to_owned(), text: text.to_owned() }
}

fn edited_one(text: &str, path: &str, value: &str) -> String {
    edited(text, &[edit(path, value)]).unwrap()
}

/// A value that a form can send for a field.
fn value_of(field: &FormField) -> BoxedStrategy<String> {
    let plain = "[a-zA-Z0-9äß][a-zA-Z0-9 äß'\"\\\\#.]{0,12}[a-zA-Z0-9]";
    match &field.input {
        FieldInput::Number => any::<i64>().prop_map(|number| number.to_string()).boxed(),
        FieldInput::Words(words) | FieldInput::Suggested(words) => {
            let words: Vec<String> = words.iter().map(|(word, _)| (*word).to_owned()).collect();
            prop::sample::select(words).boxed()
        }
        FieldInput::Lines if field.name == "rename" => ("[a-z ]{0,4}[a-z]", "[a-z]{1,6}")
            .prop_map(|(a, b)| format!("{} = {b}", a.trim()))
            .boxed(),
        FieldInput::Lines => {
            prop::collection::vec(plain, 1..4).prop_map(|lines| lines.join("\n")).boxed()
        }
        FieldInput::Line | FieldInput::Secret => plain.boxed(),
    }
}

/// A text, one of its fields, and a value for it.
fn any_edit() -> impl Strategy<Value = (&'static str, FormField, String)> {
    prop::sample::select(TEXTS.to_vec())
        .prop_flat_map(|text| {
            let open = fields(text).into_iter().filter(|field| {
                !matches!(field.input, FieldInput::Secret) && field.text != FieldText::FileOnly
            });
            (Just(text), prop::sample::select(open.collect::<Vec<_>>()))
        })
        .prop_flat_map(|(text, field)| {
            let value = value_of(&field);
            (Just(text), Just(field), value)
        })
}

/// The lines that go and those that come.
fn gone_and_new(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    for change in changes(old, new) {
        match change {
            LineChange::Removed(line) => gone.push(line),
            LineChange::Added(line) => come.push(line),
            LineChange::Same(_) => {}
        }
    }
    (gone, come)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_field_that_is_edited_reads_as_that_value_and_no_other_field_changes((text, of, value) in any_edit()) {
        let new = edited_one(text, &of.path, &value);
        prop_assert_eq!(&field(&new, &of.path).text, &FieldText::Written(value.clone()), "{}", new);
        for other in fields(text).iter().filter(|other| other.path != of.path) {
            prop_assert_eq!(&field(&new, &other.path).text, &other.text, "{}: {}", other.path, new);
        }
    }

    #[test]
    fn lines_of_fields_that_are_not_touched_keep_their_bytes((text, of, value) in any_edit()) {
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let new = edited_one(&text, &of.path, &value);
            let kept: Vec<&str> = text.split_inclusive('\n').filter(|line| new.contains(line)).collect();
            let lost: Vec<&str> = text.split_inclusive('\n').filter(|line| !new.contains(line)).collect();
            prop_assert!(lost.len() <= 1, "{lost:?}");
            prop_assert!(lost.iter().all(|line| line.contains(of.name) || line.contains('{')), "{lost:?}");
            prop_assert!(kept.len() + lost.len() == text.split_inclusive('\n').count());
            if text.contains("\r\n") {
                prop_assert!(new.split_inclusive('\n').all(|line| line.ends_with("\r\n")), "{new:?}");
            }
        }
    }

    #[test]
    fn a_field_that_is_emptied_is_not_written_and_every_comment_stays((text, of, value) in any_edit()) {
        let with = edited_one(text, &of.path, &value);
        let without = edited_one(&with, &of.path, "");
        prop_assert_eq!(&field(&without, &of.path).text, &FieldText::Missing, "{}", without);
        for line in text.lines().filter(|line| line.starts_with('#')) {
            prop_assert!(without.contains(line), "{line} is lost:\n{without}");
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[a-z=\\[\\]{}\"'.,#0-9\n -]*", value in any::<String>()) {
        let _ = edited(&text, &[edit("source.url", &value), edit("destinations[0].name", &value)]);
        let _ = (add_destination(&text), remove_destination(&text, 0), hidden_toml(&text));
        let _ = ThreeWayMerge::of(&text, &value, &text);
    }

    #[test]
    fn a_change_of_one_side_alone_is_taken(common in "([a-c]\n){0,6}", changed in "([a-c]\n){0,6}") {
        prop_assert_eq!(ThreeWayMerge::of(&common, &changed, &common).merged(), Some(changed.clone()));
        prop_assert_eq!(ThreeWayMerge::of(&common, &common, &changed).merged(), Some(changed.clone()));
        prop_assert_eq!(ThreeWayMerge::of(&common, &changed, &changed).merged(), Some(changed));
    }
}

#[test]
fn a_form_that_says_what_is_written_changes_no_byte() {
    for text in TEXTS {
        let said = fields(text).into_iter().map(|field| match field.text {
            FieldText::Written(written) => edit(&field.path, &written),
            _ => edit(&field.path, ""),
        });
        assert_eq!(edited(text, &said.collect::<Vec<_>>()).unwrap(), text);
    }
}

#[test]
fn a_new_key_stands_where_the_table_of_keys_has_it_and_a_new_section_at_the_end() {
    let text = edited(
        MINIMAL,
        &[
            edit("source.table", "audit.trail"),
            edit("source.password_file", "secrets/a"),
            edit("replication.hold_max_ms", "50"),
            edit("name", "orders"),
        ],
    )
    .unwrap();
    let (gone, come) = gone_and_new(MINIMAL, &text);
    assert_eq!(gone, [""; 0], "{text}");
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is missing: {text}"));
    let order = [
        "name = \"orders\"\n",
        "[source]\nurl",
        "password_file = \"secrets/a\"\ntable = \"audit.trail\"\n",
        "[[destinations]]\nname = \"reporting\"",
        "\n[replication]\nhold_max_ms = 50\n",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{text}");
    assert_eq!(come.len(), 6, "{come:?}");
}

#[test]
fn a_comment_behind_a_value_stays_behind_it() {
    let text = "[source]\nurl = \"postgres://a\" # the first\ntable = 'x' # the second\n";
    let new = edited_one(text, "source.url", "postgres://b");
    assert_eq!(new, text.replace("postgres://a", "postgres://b"));
    let new = edited_one(&edited_one(text, "source.table", ""), "source.url", "");
    assert_eq!(new, "[source]\n");
}

#[test]
fn a_new_file_is_written_as_a_person_would_write_it() {
    let text = edited(
        "",
        &[
            edit("source.url", "postgres://reader@db1/orders"),
            edit("source.password_file", "secrets/o.source"),
        ],
    )
    .unwrap();
    let text = add_destination(&text).unwrap();
    let text = edited(
        &text,
        &[
            edit("destinations[0].url", "postgres://w@db2/orders"),
            edit("destinations[0].name", "reporting"),
        ],
    )
    .unwrap();
    assert_eq!(
        text,
        "[source]\nurl = \"postgres://reader@db1/orders\"\npassword_file = \"secrets/o.source\"\n\n\
         [[destinations]]\nname = \"reporting\"\nurl = \"postgres://w@db2/orders\"\n"
    );
}

#[test]
fn a_destination_is_added_behind_the_others_and_removed_by_its_index() {
    for text in TEXTS {
        let before = destinations_written(text);
        let added = add_destination(text).unwrap();
        let named = edited_one(&added, &format!("destinations[{before}].name"), "last");
        assert_eq!(destinations_written(&named), before + 1, "{named}");
        let (gone, _) = gone_and_new(text, &named);
        assert!(gone.len() <= usize::from(text == INLINE), "{gone:?}");
        let removed = remove_destination(&named, before).unwrap();
        assert_eq!(destinations_written(&removed), before);
        assert_eq!(changed_keys(text, &removed), [""; 0]);
    }
    assert!(remove_destination(MINIMAL, 1).is_err());
}

#[test]
fn a_program_that_is_run_for_a_password_is_no_field_of_a_form() {
    let text = "[source]\npassword_command = [\"bin/token\"]\n";
    for text in [text, MINIMAL] {
        for path in ["source.password_command", "destinations[0].password_command"] {
            let found = fields(text).into_iter().find(|field| field.path == path);
            assert!(found.is_none_or(|field| field.text == FieldText::FileOnly), "{path}");
        }
    }
}

#[test]
fn what_cannot_be_written_is_told_at_its_key_and_nothing_is_changed() {
    let told =
        edited(EXAMPLE, &[edit("destinations[0].rename", "no pair"), edit("source.nothing", "1")]);
    let paths: Vec<String> = told.unwrap_err().into_iter().map(|problem| problem.path).collect();
    assert_eq!(paths, ["destinations[0].rename", "source.nothing"]);
    assert!(edited("a = = 1", &[]).is_err());
    let by_hand = "[source]\nurl = [1]\n";
    assert_eq!(field(by_hand, "source.url").text, FieldText::ByHand);
    assert!(edited(by_hand, &[edit("source.url", "postgres://a")]).is_err());
}

#[test]
fn a_value_of_another_type_is_written_as_a_text_for_the_reader_to_refuse() {
    let text = edited_one(MINIMAL, "replication.hold_max_ms", "soon");
    assert!(text.contains("hold_max_ms = \"soon\""), "{text}");
    let text = edited_one(MINIMAL, "source.group_by", "\"\"");
    assert!(text.contains("group_by = \"\""), "{text}");
    assert_eq!(field(&text, "source.group_by").text, FieldText::Written("\"\"".to_owned()));
}

#[test]
fn no_secret_of_a_file_is_shown() {
    let text = "# password = \"hunter2\"\n[source]\nurl = \"postgres://u:hunter2@h/d\" # postgres://u:hunter2@h\n\
                password = 'hunter2'\n[[destinations]]\nname = \"a\"\nurl = \"host=h password=hunter2 user=u\"\n\
                pasword = \"hunter2\"\npassword = 42\n[[destinations]]\npassword = \"${PW}\"\npassword_file = \"secrets/a\"\n\
                [console]\npassword_hash = \"hunter2\"\n[x]\nlist = [\"postgres://u:hunter2@h\"]\nd = { password = \"hunter2\" }\n";
    let shown = hidden_toml(text).unwrap();
    assert!(!shown.contains("hunter2") && !shown.contains("42"), "{shown}");
    assert!(shown.contains("password = \"${PW}\"\npassword_file = \"secrets/a\"\n"), "{shown}");
    assert_eq!(shown.lines().count(), text.lines().count());
    let (gone, come) = gone_and_new(EXAMPLE, &hidden_toml(EXAMPLE).unwrap());
    assert_eq!(come, ["# password_hash = …"], "{gone:?}");
    assert_eq!(hidden_toml("password = hunter2"), None);
    let json =
        "{\"eventSource\": {\"password\": \"hunter2\", \"url\": \"postgres://u:hunter2@h\"}}";
    assert!(!hidden_json(json).unwrap().contains("hunter2"));
    for path in ["source.url", "source.password"] {
        assert_eq!(field(text, path).text, FieldText::Hidden, "{path}");
    }
}

#[test]
fn a_password_is_taken_out_of_a_url_or_the_url_is_refused() {
    let UrlPassword::Apart { url, password } =
        without_password("postgres://u:p%40ss@h:5432/d?sslmode=require")
    else {
        panic!("it holds one");
    };
    assert_eq!(
        (url.as_str(), password.expose_secret()),
        ("postgres://u@h:5432/d?sslmode=require", "p@ss")
    );
    for refused in
        ["host=h password=x user=u", "postgres://u@h/d?password=x", "postgres://u:x@h/d%zz"]
    {
        assert!(matches!(without_password(refused), UrlPassword::Refused), "{refused}");
    }
    for nothing in ["postgres://u@h/d", "host=h user=u", "postgres://u:${PW}@h/d", "orders", ""] {
        assert!(matches!(without_password(nothing), UrlPassword::Nothing), "{nothing}");
    }
}

#[test]
fn a_file_of_a_password_is_called_by_its_side_and_takes_no_other_ones_name() {
    assert_eq!(secret_file_name("orders", "source", |_| false), "secrets/orders.source");
    assert_eq!(secret_file_name("orders", "../a b", |_| false), "secrets/orders.---a-b");
    let taken = |name: &str| name == "secrets/orders.copy" || name == "secrets/orders.copy-2";
    assert_eq!(secret_file_name("orders", "copy", taken), "secrets/orders.copy-3");
    for own in ["secrets/orders.source", "secrets/a.---a-b-2"] {
        assert!(is_secret_file_name(own), "{own}");
    }
    for other in [
        "/etc/passwd",
        "secrets/../evil.toml",
        "secrets/evil.toml/..",
        "secrets/a.b.toml",
        "secrets//a.b",
        "secrets/",
        "secrets/a",
        "secrets/.b",
        "secretsa.b",
        "../secrets/a.b",
        "secrets/a.\u{e4}",
    ] {
        assert!(!is_secret_file_name(other), "{other}");
    }
    for (text, is_one) in
        [("${PW}", true), ("${}", false), ("${a}b", false), ("x", false), ("${1}", false)]
    {
        assert_eq!(is_variable_alone(text), is_one, "{text}");
    }
}

#[test]
fn both_sides_are_put_together_where_they_do_not_meet_and_shown_where_they_do() {
    let common = "a = 1\nb = 2\nc = 3\n";
    let merged = ThreeWayMerge::of(common, "a = 9\nb = 2\nc = 3\n", "a = 1\nb = 2\nc = 3\nd = 4\n");
    assert_eq!(merged.merged().as_deref(), Some("a = 9\nb = 2\nc = 3\nd = 4\n"));
    let met = ThreeWayMerge::of(common, "a = 9\nb = 2\nc = 3\n", "a = 8\nb = 2\nc = 3\n");
    assert_eq!(met.merged(), None);
    let owned = |text: &str| vec![text.to_owned()];
    assert_eq!(
        met.blocks[0],
        MergeBlock::Different {
            common: owned("a = 1"),
            yours: owned("a = 9"),
            theirs: owned("a = 8")
        }
    );
}

#[test]
fn the_key_of_a_problem_stands_behind_its_place() {
    let at = |place: &str| Error::new(ErrorKind::Usage, "x").at(place);
    assert_eq!(key_of(&at("/etc/a.toml:3:1, source.url"), "/etc/a.toml"), Some("source.url"));
    assert_eq!(key_of(&at("/etc/a.toml:3:1"), "/etc/a.toml"), Some(""));
    assert_eq!(key_of(&at("/etc/b.toml:3:1, source.url"), "/etc/a.toml"), None);
    assert_eq!(key_of(&Error::new(ErrorKind::Usage, "x"), "/etc/a.toml"), None);
}

#[test]
fn the_names_of_changed_keys_are_told_and_no_values() {
    let new = edited_one(&edited_one(MINIMAL, "source.table", "a.b"), "destinations[0].name", "x");
    assert_eq!(changed_keys(MINIMAL, &new), ["destinations[0].name", "source.table"]);
    assert_eq!(changed_keys(MINIMAL, MINIMAL), [""; 0]);
}
