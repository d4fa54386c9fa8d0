//! Connection URLs (PostgreSQL manual, libpq, "Connection URIs").
//!
//! No error shows any of the text: a password that was not percent-encoded can end up in every
//! part.

use super::keyword::{self, KeywordValues};
use crate::error::{Error, ErrorKind, Result};

const WHAT: &str = "cannot read the connection URL";
const ENCODE: &str = "percent-encode special characters of user, password and database: %40 for @, \
                      %2F for /, %3A for :, %25 for %";

/// The rest of a URL behind its scheme, if it is one of PostgreSQL.
pub(super) fn without_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))
}

/// Reads what follows the scheme: `[user[:password]@][host[:port],…][/database][?keyword=value&…]`.
pub(super) fn parse(text: &str) -> Result<KeywordValues> {
    let mut written = KeywordValues::default();
    let rest = credentials(text, &mut written)?;
    let servers_end = end_of_servers(rest)?;
    let (servers, rest) = rest.split_at(servers_end);
    let (database, parameters) =
        rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    if servers.contains('@') || database.contains('@') {
        return Err(wrong("there is another @ besides the one after the password", ENCODE));
    }
    self::servers(servers, &mut written)?;
    let database = database.strip_prefix('/').unwrap_or(database);
    set(&mut written, "dbname", database)?;
    let parameters = parameters.filter(|parameters| !parameters.is_empty());
    for (index, parameter) in parameters.into_iter().flat_map(|all| all.split('&')).enumerate() {
        self::parameter(parameter, index + 1, &mut written)?;
    }
    Ok(written)
}

/// Takes user and password, if an @ stands before the first slash, and returns what follows.
fn credentials<'a>(text: &'a str, written: &mut KeywordValues) -> Result<&'a str> {
    let Some(at) = text.find(['@', '/']).filter(|at| text[*at..].starts_with('@')) else {
        return Ok(text);
    };
    let (user, password) = text[..at].split_once(':').unwrap_or((&text[..at], ""));
    set(written, "user", user)?;
    set(written, "password", password)?;
    Ok(&text[at + 1..])
}

/// Where the list of servers ends: at the first `/` or `?` outside the brackets of an IPv6 address.
fn end_of_servers(text: &str) -> Result<usize> {
    let mut is_address = false;
    for (index, c) in text.char_indices() {
        match c {
            '[' => is_address = true,
            ']' => is_address = false,
            '/' | '?' if !is_address => return Ok(index),
            _ => {}
        }
    }
    if is_address {
        return Err(wrong("the ] of an IPv6 address is missing", "write it as [::1]"));
    }
    Ok(text.len())
}

/// Takes `host[:port],…`.
fn servers(text: &str, written: &mut KeywordValues) -> Result<()> {
    let pairs: Vec<(&str, &str)> = text.split(',').map(server).collect::<Result<_>>()?;
    let (hosts, ports): (Vec<&str>, Vec<&str>) = pairs.into_iter().unzip();
    set(written, "host", &hosts.join(","))?;
    set(written, "port", &ports.join(","))
}

fn server(text: &str) -> Result<(&str, &str)> {
    let Some(rest) = text.strip_prefix('[') else {
        return Ok(text.split_once(':').unwrap_or((text, "")));
    };
    let fix = "write it as [::1] or [::1]:5432";
    let (address, port) =
        rest.split_once(']').ok_or_else(|| wrong("the ] of an IPv6 address is missing", fix))?;
    if address.is_empty() {
        return Err(wrong("there is no address between [ and ]", fix));
    }
    match port.strip_prefix(':') {
        Some(port) => Ok((address, port)),
        None if port.is_empty() => Ok((address, "")),
        None => {
            Err(wrong("the ] of an IPv6 address is followed by something other than a port", fix))
        }
    }
}

/// Takes `keyword=value`.
fn parameter(text: &str, number: usize, written: &mut KeywordValues) -> Result<()> {
    let place = format!("in parameter {number} after the question mark");
    let (name, value) =
        text.split_once('=').filter(|(_, value)| !value.contains('=')).ok_or_else(|| {
            wrong(
                format!("not exactly one = {place}"),
                "write it as ?sslmode=require&connect_timeout=5",
            )
        })?;
    let name = decoded(name)?;
    let value = decoded(value)?;
    // JDBC's way, which libpq takes too.
    let (name, value) = if name == "ssl" && value == "true" {
        ("sslmode".to_owned(), "require".to_owned())
    } else {
        (name, value)
    };
    let keyword = keyword::find(&name)
        .ok_or_else(|| keyword::unknown(WHAT, &name, &place, !text.contains('@')))?;
    written.set(keyword, value);
    Ok(())
}

/// Takes a part that means nothing when it is empty.
fn set(written: &mut KeywordValues, name: &str, encoded: &str) -> Result<()> {
    if let Some(keyword) = keyword::find(name).filter(|_| !encoded.is_empty()) {
        written.set(keyword, decoded(encoded)?);
    }
    Ok(())
}

fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |index: usize| after.get(index).and_then(|c| char::from(*c).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(wrong("a % is not followed by two hexadecimal digits", ENCODE));
        };
        match u8::try_from(high * 16 + low) {
            Ok(byte) if byte != 0 => bytes.push(byte),
            _ => return Err(wrong("%00 is not allowed", ENCODE)),
        }
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong("percent-encoded bytes are not UTF-8", ENCODE))
}

fn wrong(why: impl Into<String>, fix: &str) -> Error {
    Error::new(ErrorKind::Usage, WHAT).because(why).fix(fix)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn read(url: &str) -> KeywordValues {
        parse(without_scheme(url).unwrap()).unwrap()
    }

    fn refused(url: &str) -> String {
        parse(without_scheme(url).unwrap()).map(|_| ()).unwrap_err().report()
    }

    fn values<'a>(written: &'a KeywordValues, names: [&str; 5]) -> [Option<&'a str>; 5] {
        names.map(|name| written.get(name))
    }

    const PARTS: [&str; 5] = ["user", "password", "host", "port", "dbname"];

    #[test]
    fn every_part_is_read_and_decoded() {
        let written = read(
            "postgresql://us%65r:p%40ss%2Fw%3Ard@h%2Dost:5433/my%20db?sslmode=require&application_name=a%26b",
        );
        assert_eq!(
            values(&written, PARTS),
            [Some("user"), Some("p@ss/w:rd"), Some("h-ost"), Some("5433"), Some("my db")]
        );
        assert_eq!(written.get("sslmode"), Some("require"));
        assert_eq!(written.get("application_name"), Some("a&b"));
    }

    #[test]
    fn every_part_may_be_missing() {
        assert_eq!(values(&read("postgres://"), PARTS), [None; 5]);
        assert_eq!(values(&read("postgres://@"), PARTS), [None; 5]);
        assert_eq!(values(&read("postgres:///"), PARTS), [None; 5]);
        assert_eq!(values(&read("postgres://?"), PARTS), [None; 5]);
        assert_eq!(values(&read("postgres://u:@/"), PARTS), [Some("u"), None, None, None, None]);
        assert_eq!(
            values(&read("postgres://:5433"), PARTS),
            [None, None, None, Some("5433"), None]
        );
        assert_eq!(
            values(&read("postgres:///orders"), PARTS),
            [None, None, None, None, Some("orders")]
        );
    }

    #[test]
    fn several_hosts_ipv6_and_socket_directories_are_read() {
        let written = read("postgresql://h1:1,h2,[::1]:3/db");
        assert_eq!(written.get("host"), Some("h1,h2,::1"));
        assert_eq!(written.get("port"), Some("1,,3"));
        assert_eq!(read("postgres://[2001:db8::1]/db").get("host"), Some("2001:db8::1"));
        assert_eq!(read("postgres://%2Fvar%2Frun/db").get("host"), Some("/var/run"));
        let written = read("postgres:///db?host=/tmp/a&port=5433&user=ann");
        assert_eq!(
            values(&written, PARTS),
            [Some("ann"), None, Some("/tmp/a"), Some("5433"), Some("db")]
        );
    }

    #[test]
    fn a_parameter_overrides_what_stands_before_it() {
        assert_eq!(read("postgres://a/x?host=b&dbname=y&host=c").get("host"), Some("c"));
        assert_eq!(read("postgres://a/x?dbname=y").get("dbname"), Some("y"));
        assert_eq!(read("postgres://a/x?ssl=true").get("sslmode"), Some("require"));
    }

    #[test]
    fn malformed_urls_are_refused() {
        for (url, why) in [
            ("postgres://[::1/db", "the ] of an IPv6 address is missing"),
            ("postgres://[]/db", "there is no address between [ and ]"),
            ("postgres://[::1]x/db", "followed by something other than a port"),
            ("postgres://h/%zz", "not followed by two hexadecimal digits"),
            ("postgres://h/a%2", "not followed by two hexadecimal digits"),
            ("postgres://h/a%00", "%00 is not allowed"),
            ("postgres://h/%ff", "not UTF-8"),
            ("postgres://h/db?sslmode", "not exactly one = in parameter 1"),
            ("postgres://h/db?sslmode=require&", "not exactly one = in parameter 2"),
            ("postgres://h/db?options=-c a=b", "not exactly one = in parameter 1"),
            ("postgres://h/db?sslmod=require", "unknown keyword \"sslmod\" in parameter 1"),
        ] {
            let report = refused(url);
            assert!(report.contains(why), "{url}: {report}");
            assert!(report.contains("fix: "), "{report}");
        }
    }

    #[test]
    fn a_password_that_is_not_encoded_is_refused_and_never_shown() {
        for url in [
            "postgres://u:hunter@2hunter@h/db",
            "postgres://u:1/hunter2@h/db",
            "postgres://u:1/2?hunter=2hunter@h/db",
            "postgres://u:%hunter2@h/db",
            "postgres://u:hunter/[hunter@h/db",
        ] {
            let report = refused(url);
            assert!(!report.contains("hunter"), "{url}: {report}");
        }
    }

    fn encoded(text: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        text.bytes()
            .map(
                |byte| {
                    if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
                },
            )
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(user in "[^\0]{1,12}", password in "[^\0]{1,12}", host in "[^\0]{1,12}", database in "[^\0]{1,12}", options in "[^\0]{0,12}", port in 1u16..) {
            let url = format!("postgres://{}:{}@{}:{port}/{}?options={}", encoded(&user), encoded(&password), encoded(&host), encoded(&database), encoded(&options));
            let written = read(&url);
            prop_assert_eq!(written.get("user"), Some(user.as_str()));
            prop_assert_eq!(written.get("password"), Some(password.as_str()));
            prop_assert_eq!(written.get("host"), Some(host.as_str()));
            prop_assert_eq!(written.get("port").map(ToOwned::to_owned), Some(port.to_string()));
            prop_assert_eq!(written.get("dbname"), Some(database.as_str()));
            prop_assert_eq!(written.get("options"), Some(options.as_str()));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn text_of_urls_characters_never_panics(text in "[a-c@:/?&=,%\\[\\]0-9.]*") {
            let _ = parse(&text);
        }
    }
}
