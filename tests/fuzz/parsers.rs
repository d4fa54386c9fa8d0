//! The parsers, each with the seeds of its corpus; what can be written again and read again must
//! come back.

use bytes::Bytes;
use counterfoil::config::libpq::{Conninfo, Environment};
use counterfoil::config::load::load;
use counterfoil::event::fields::unescaped;
use counterfoil::event::frame::{
    CopyFormat, FramedRow, HEADER, RowFramer, RowLayout, TRAILER, rows_after,
};
use counterfoil::event::merge::RowMismatch;
use counterfoil::event::value::{BINARY_STABLE, FieldDecoder, is_binary_stable};
use counterfoil::event::wire::{ReadAs, WireColumn};
use counterfoil::log::escape::{escaped, escaped_json, fit, fit_lines};
use counterfoil::postgres::table::trigger;
use counterfoil::sql::{TableName, fill, ident, literal, text};
use counterfoil::verify::class::{self, ComparedColumn};
use counterfoil::verify::compare::journal::ComparisonJournal;
use counterfoil::verify::difference::{Difference, DifferenceClass, RowChange};
use counterfoil::verify::show::{self, RowText, ShownDifference, ValueText, lines};
use postgres_types::Type;
use serde::de::IgnoredAny;
use std::path::Path;
use std::sync::LazyLock;

/// One of them.
pub struct Parser {
    pub name: &'static str,
    pub corpus: &'static [&'static [u8]],
    /// May use files in the directory.
    pub parse: fn(&[u8], &Path),
}

const CORPUS_JOURNAL: &[u8] = br#"{"version":2,"subject":{"sides":[{"system_identifier":1,"database":"d","table":"public.events","oid":5,"is_standby":false},{"system_identifier":1,"database":"d","table":"public.events","oid":5,"is_standby":false}],"columns":"a","from":null,"through":null,"is_complete":false},"parts":[{"through":5,"rows":[1,2],"began":"2026-01-02T03:04:05Z","states":[{"timeline":1,"started_at_us":5,"definition":"6","files":"4","xmin":733},{"timeline":1,"started_at_us":5,"definition":"6","files":"4","xmin":733}]}],"tally":{"missing":1,"extra":0,"changed":0,"representation":0,"by_column":[1]},"sha256":"4d2577a45c955df4d0f489f9b17804875ae927d43234bc01ecd63d577d3128e1"}"#;

pub const PARSERS: &[Parser] = &[
    Parser {
        name: "binary copy",
        corpus: &[
            b"",
            b"\0\x03\0\0\0\x08\0\0\0\0\0\0\0\x01\0\0\0\x08\0\x02\xdd\x44\x1a\x10\0\0\0\0\0\x03\x01{}",
            b"\0\x03\0\0\0\x08\0\0\0\0\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\x03\0\0\0\x04\0\0\0\x05\0\0\0\0\0\0\0\x12\x01{\"a\": [1, \"b\\n\"]}",
        ],
        parse: |input, _| rows(CopyFormat::Binary, input),
    },
    Parser {
        name: "text copy",
        corpus: &[b"", b"1\t2026-01-01 00:00:00+00\t{\"a\": \"b\\\\n\"}\n", b"-5\t\\N\t\\N\n6\tx\\ty\t\\\\.\n", b"\\.\n"],
        parse: |input, _| rows(CopyFormat::Text, input),
    },
    // The first byte chooses a type of the list, or an array of one.
    Parser {
        name: "field",
        corpus: &[
            b"\x03\0\0\0\0\0\0\0\x01",
            b"\x06\0\x02\0\0\0\0\0\x04\0\x05\x0d\x80",
            b"\x05\x3f\xb9\x99\x99\x99\x99\x99\x9a",
            b"\x12\0\x02\xdd\x44\x1a\x10\0\0",
            b"\x13\0\0\0\0\x1a\x10\0\0\0\0\0\x02\xff\xff\xff\xf0",
            b"\x14{\"a\": [1, null]}",
            b"\x15\x01{\"a\": [1, null]}",
            b"\x17\0\0\0\x0b\xaa\xe0",
            b"\x18\x03\x40\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02\x03\x04",
            b"\x25\0\0\0\x02\0\0\0\x01\0\0\0\x17\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff",
            b"\x26\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x04NULL\0\0\0\x02,\"",
            b"\x26{{a,\"b c\",NULL},{\"NULL\",\"\",\",\"}}",
        ],
        parse: |input, _| field(input),
    },
    Parser {
        name: "toml",
        corpus: &[include_bytes!("../../config/example.toml"), include_bytes!("../../config/minimal.toml")],
        parse: |input, dir| configuration(input, &dir.join("c.toml")),
    },
    Parser {
        name: "json",
        corpus: &[
            include_bytes!("../../config/slate.json"),
            br#"{"source": {"url": "postgres://a:b@h/d"}, "destinations": [{"name": "\u00e9\ud83d\ude00", "url": "host=h"}], "log": {"level": "info"}}"#,
        ],
        parse: |input, dir| configuration(input, &dir.join("c.json")),
    },
    Parser {
        name: "connection string",
        corpus: &[
            b"postgres://u%40x:p%3aw@[::1]:5432,h2:6/d%20b?sslmode=verify-full&application_name=x&options=-c%20a%3db",
            b"host='a b',c hostaddr=127.0.0.1, port=1,2 user=u password='p\\'w\\\\' dbname=d \
              sslmode=require channel_binding=require",
            b"postgresql:///d?host=/run&service=own&passfile=/x",
            b"service=own target_session_attrs=prefer-standby load_balance_hosts=random \
              connect_timeout=5 sslnegotiation=direct",
        ],
        parse: |input, _| {
            if let Ok(text) = std::str::from_utf8(input) {
                told(Conninfo::parse(text, &Environment::empty()));
            }
        },
    },
    Parser {
        name: "service file",
        corpus: &[b"# a \
                    comment\n[own]\nhost=h\nport=5\npassword=x\n\n[other]\nldap://x\nservice=own\n", b"[own]\r\nhost = h\r\nuser='u'\r\n"],
        parse: |input, dir| {
            let path = dir.join("service.conf");
            std::fs::write(&path, input).unwrap();
            let named = path.display().to_string();
            let variable = move |name: &str| (name == "PGSERVICEFILE").then(|| named.clone());
            let environment = Environment {
                var: &variable,
                os_user: Some("u".to_owned()),
                ..Environment::empty()
            };
            told(Conninfo::parse("service=own", &environment));
        },
    },
    Parser {
        name: "passfile",
        corpus: &[b"h:5432:d:u:p\\:w\\\\\n*:*:*:*:all\n# comment\n", b"h:*:replication:u:\nlocalhost:1:d:u:\xff\n", b"h:5432:d:u:p\r\n"],
        parse: |input, dir| {
            let path = dir.join("passfile");
            std::fs::write(&path, input).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            let string = format!("host=h dbname=d user=u passfile={}", path.display());
            let conninfo = Conninfo::parse(&string, &Environment::empty()).unwrap();
            for host in &conninfo.hosts {
                told(conninfo.password.lookup(host, "d", "u"));
            }
        },
    },
    Parser {
        name: "journal",
        corpus: &[
            CORPUS_JOURNAL,
            br#"{"version":99999999999}"#,
        ],
        parse: |input, dir| {
            let path = dir.join("journal");
            std::fs::write(&path, input).unwrap();
            let read = ComparisonJournal::read(&path);
            if *input == *CORPUS_JOURNAL {
                assert!(read.is_ok());
            }
            if let Ok(journal) = read {
                journal.write(&path).unwrap();
                assert_eq!(ComparisonJournal::read(&path).unwrap(), journal);
            }
        },
    },
    Parser {
        name: "json comparison",
        corpus: &[
            br#"{"a": [1.10, 12345678901234567890, "x\u00e9\n"], "b": {"c": null}}|{"b": {"c": null}, "a": [1.1, 12345678901234567000, "y"]}"#,
            b"[[[[[[1]]]]]]|[[[[[[2]]]]]]",
            b"1e400|1e401",
            br#""\ud83d\ude00"|"\u0041""#,
            b"2026-01-01 00:00:00.123456+00|2026-01-01 00:00:00.123+00",
        ],
        parse: |input, _| comparison(input),
    },
    Parser {
        name: "table name",
        corpus: &[b"events", b"public.events", b"\"My \"\"S\"\"\".\"a.b\"", b" a . b "],
        parse: |input, _| {
            let text = String::from_utf8_lossy(input);
            if let Ok(name) = TableName::parse(&text) {
                assert_eq!(TableName::parse(&name.quoted()).unwrap(), name);
                assert_eq!(fit(&name.to_string()), name.to_string());
            }
        },
    },
    Parser {
        name: "trigger",
        corpus: &[
            b"begin perform pg_notify('eventsinsert', json_build_object('table', TG_TABLE_NAME, \
              'id', new.id, 'event', new.event)::text); return null; end",
            b"begin new.id := nextval('s'); -- a\n/* b */ return new; end",
            b"notify x, 'y'; $a$ b $a$",
        ],
        parse: |input, _| {
            let text = String::from_utf8_lossy(input);
            let _ = (trigger::draws_from_sequence(&text), trigger::notifies(&text, "id"));
        },
    },
    Parser {
        name: "escape",
        corpus: &[b"a\x1b[31m\r\n\t\\u{1b}", "é\u{202e}\u{9b}".as_bytes(), b"x'\\\"$1 :x :'x' ::"],
        parse: |input, _| {
            let text = String::from_utf8_lossy(input);
            let is_fit = |c: char| !c.is_control();
            assert!(escaped(&text).chars().all(is_fit) && fit(&text).chars().all(is_fit) && escaped_json(&text).chars().all(is_fit));
            assert!(fit_lines(&text).chars().all(|c| is_fit(c) || c == '\n'));
            filled(&text);
        },
    },
];

/// Names and literals are put into SQL once, whatever they look like.
fn filled(name: &str) {
    let statement = fill("select :\"x\", :'x'", &[("x", text(name))]);
    assert_eq!(statement, format!("select {}, {}", ident(name), literal(name)));
}

/// Whatever was refused is told; debugging must not fail either.
fn told<T: std::fmt::Debug>(result: Result<T, counterfoil::error::Error>) {
    let shown = match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.report(),
    };
    assert!(shown.len() < 1 << 20);
}

fn configuration(input: &[u8], path: &Path) {
    std::fs::write(path, input).unwrap();
    let variable = |name: &str| (name == "A").then(|| "value-of-a-variable".to_owned());
    let environment =
        Environment { var: &variable, os_user: Some("u".to_owned()), ..Environment::empty() };
    match load(path, &environment) {
        Ok(config) => drop(format!("{config:?}")),
        Err(problems) => {
            assert!(!problems.report().contains("value-of-a-variable"), "{}", problems.report())
        }
    }
}

/// Reads rows, cut into messages by the input itself, and looks at each as a comparison does.
fn rows(format: CopyFormat, input: &[u8]) {
    let layout = RowLayout { format, fields: 3, id: 0, group: Some(1) };
    let mut read: Vec<FramedRow> = Vec::new();
    for piece in [1, 7, usize::MAX] {
        let mut rows = RowFramer::new(layout);
        if format == CopyFormat::Binary {
            rows.push(Bytes::from_static(HEADER));
        }
        read.clear();
        let mut is_broken = false;
        for message in input.chunks(piece.min(input.len().max(1))) {
            rows.push(Bytes::copy_from_slice(message));
            loop {
                match rows.next() {
                    Ok(Some(row)) => read.push(row),
                    Ok(None) => break,
                    Err(_) => {
                        is_broken = true;
                        break;
                    }
                }
            }
            if is_broken {
                break;
            }
        }
        if format == CopyFormat::Binary && !is_broken {
            rows.push(Bytes::from_static(TRAILER));
            let _ = rows.next();
        }
        let _ = rows.finish();
    }
    let whole: Vec<u8> = read.iter().flat_map(|row| row.bytes.to_vec()).collect();
    assert!(input.starts_with(&whole));
    let (kept, count) = rows_after(&Bytes::from(whole.clone()), layout, i64::MIN).unwrap();
    assert!(kept.len() <= whole.len() && count <= read.len() as u64);
    let columns: Vec<ComparedColumn> =
        [("id", Type::INT8), ("ts", Type::TIMESTAMPTZ), ("event", Type::JSONB)]
            .into_iter()
            .map(|(name, of)| ComparedColumn { name: name.to_owned(), type_oid: of.oid() })
            .collect();
    for pair in read.windows(2).take(20) {
        for field in pair[0].fields(format).into_iter().flatten() {
            let _ = unescaped(field);
        }
        let unlike = RowMismatch::Changed(pair[0].clone(), pair[1].clone());
        let _ = class::difference(&unlike, &columns, format);
    }
}

/// The list, then what else is stable: arrays.
static TYPES: LazyLock<Vec<Type>> = LazyLock::new(|| {
    let all = (0..16_384).filter(|oid| is_binary_stable(*oid)).filter_map(Type::from_oid);
    let others = all.filter(|of| !BINARY_STABLE.contains(of));
    BINARY_STABLE.into_iter().chain(others).collect()
});

/// Decodes a field in both forms. What is decoded is JSON, and its text decoded again makes the
/// same.
fn field(input: &[u8]) {
    let Some((chosen, field)) = input.split_first() else { return };
    let column = WireColumn {
        name: "v".to_owned(),
        read_as: ReadAs::Plain,
        type_oid: Some(TYPES[usize::from(*chosen) % TYPES.len()].oid()),
    };
    let [binary, text] = [CopyFormat::Binary, CopyFormat::Text]
        .map(|format| FieldDecoder::new(&column, format).unwrap());
    for decoder in [&binary, &text] {
        let mut json = Vec::new();
        match decoder.json(Some(field), &mut json) {
            Ok(()) => assert!(serde_json::from_slice::<IgnoredAny>(&json).is_ok()),
            Err(error) => assert!(json.is_empty() && error.report().len() < 1000),
        }
        let Ok(decoded) = decoder.text(field) else { continue };
        let escaped = decoded.replace('\\', "\\\\");
        assert_eq!(text.text(escaped.as_bytes()).unwrap(), decoded);
        let mut again = Vec::new();
        assert_eq!(text.json(Some(escaped.as_bytes()), &mut again).is_ok(), !json.is_empty());
        assert_eq!(again, json);
    }
}

/// Two texts, shown as two values of a column of type jsonb, then of json.
fn comparison(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (first, second) = text.split_once('|').unwrap_or((&text, ""));
    let row = |text: &str| RowText {
        values: vec![Some(ValueText {
            text: text.to_owned(),
            is_cut: false,
            bytes: text.len() as u64,
        })],
    };
    for of in [Type::JSONB, Type::JSON, Type::TEXT] {
        let columns = [ComparedColumn { name: "event".to_owned(), type_oid: of.oid() }];
        let shown = ShownDifference {
            difference: Difference {
                id: 1,
                class: DifferenceClass::Changed(RowChange {
                    columns: vec![0],
                    is_representation_only: false,
                }),
            },
            first: Some(row(first)),
            second: Some(row(second)),
        };
        let told = show::text(&shown, &columns, false);
        assert_eq!(fit_lines(&told), told);
        let line = lines::difference(&shown, &columns);
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
    }
}
