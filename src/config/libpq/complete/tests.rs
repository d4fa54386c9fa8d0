//! Layers, defaults and contradictions of a connection.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::config::libpq::ConnectionSettings;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Reads a connection with these variables, the user `ann` and no home.
fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<Conninfo> {
    let var = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let env = Environment { var: &var, os_user: Some("ann".to_owned()), ..Environment::empty() };
    Conninfo::parse(text, &env)
}

fn read(text: &str) -> Conninfo {
    read_with(text, &[]).unwrap()
}

fn refused(text: &str) -> Error {
    let error = read_with(text, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.remedy().is_some(), "{}", error.report());
    error
}

#[test]
fn nothing_given_means_libpqs_defaults() {
    let conninfo = read("");
    assert_eq!(conninfo.describe(), "localhost:5432/ann");
    assert_eq!(conninfo.user, "ann");
    assert_eq!(conninfo.sslmode, SslMode::Prefer);
    assert!(conninfo.password.given.is_none() && conninfo.password.passfile.is_none());
    assert_eq!((conninfo.sslrootcert, conninfo.sslcert, conninfo.sslkey), (None, None, None));
    assert!(conninfo.ssl_sni && !conninfo.ssl_direct && !conninfo.load_balance);
    assert_eq!(conninfo.channel_binding, ChannelBinding::Prefer);
    assert_eq!(conninfo.target_session_attrs, TargetSession::Any);
    assert_eq!(conninfo.connect_timeout, None);
}

#[test]
fn the_database_is_named_like_the_user_unless_it_is_given() {
    assert_eq!(read("user=bob").describe(), "localhost:5432/bob");
    assert_eq!(read("user=bob dbname=orders").describe(), "localhost:5432/orders");
}

#[test]
fn no_user_anywhere_is_a_problem_with_a_remedy() {
    let error = Conninfo::parse("host=db1", &Environment::empty()).unwrap_err();
    assert!(error.report().contains("PGUSER"), "{}", error.report());
}

#[test]
fn every_variable_has_its_place() {
    let conninfo = read_with(
        "",
        &[
            ("PGHOST", "db1"),
            ("PGHOSTADDR", "192.0.2.1"),
            ("PGPORT", "5433"),
            ("PGDATABASE", "orders"),
            ("PGUSER", "bob"),
            ("PGPASSWORD", "hunter2"),
            ("PGPASSFILE", "/p"),
            ("PGSSLMODE", "verify-ca"),
            ("PGSSLROOTCERT", "/r"),
            ("PGSSLCERT", "/c"),
            ("PGSSLKEY", "/k"),
            ("PGSSLNEGOTIATION", "direct"),
            ("PGSSLSNI", "0"),
            ("PGCHANNELBINDING", "require"),
            ("PGTARGETSESSIONATTRS", "read-write"),
            ("PGLOADBALANCEHOSTS", "random"),
            ("PGOPTIONS", "-c x=y"),
            ("PGCONNECT_TIMEOUT", "7"),
            ("PGAPPNAME", "ignored"),
        ],
    )
    .unwrap();
    let addr = Some("192.0.2.1".parse().unwrap());
    let host = "db1".to_owned();
    let at = HostAt::Tcp { host, addr };
    assert_eq!(conninfo.hosts, [Host { at, port: 5433 }]);
    assert_eq!((conninfo.database.as_str(), conninfo.user.as_str()), ("orders", "bob"));
    assert_eq!(conninfo.password.given.as_ref().unwrap().expose_secret(), "hunter2");
    assert_eq!(conninfo.password.passfile, Some(PathBuf::from("/p")));
    assert_eq!(conninfo.sslmode, SslMode::VerifyCa);
    assert_eq!(conninfo.sslrootcert, Some(RootCert::File(PathBuf::from("/r"))));
    assert_eq!(
        (conninfo.sslcert, conninfo.sslkey),
        (Some(PathBuf::from("/c")), Some(PathBuf::from("/k")))
    );
    assert!(conninfo.ssl_direct && !conninfo.ssl_sni && conninfo.load_balance);
    assert_eq!(conninfo.channel_binding, ChannelBinding::Require);
    assert_eq!(conninfo.target_session_attrs, TargetSession::ReadWrite);
    assert_eq!(conninfo.options.as_deref(), Some("-c x=y"));
    assert_eq!(conninfo.connect_timeout, Some(Duration::from_secs(7)));
}

#[test]
fn the_string_comes_before_the_service_and_the_service_before_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("services").display().to_string();
    std::fs::write(&file, "[s]\nhost=service\nport=2\nuser=service").unwrap();
    let variables = [
        ("PGHOST", "environment"),
        ("PGPORT", "3"),
        ("PGUSER", "environment"),
        ("PGDATABASE", "environment"),
        ("PGSERVICE", "s"),
        ("PGSERVICEFILE", &file),
    ];
    let conninfo = read_with("host=string", &variables).unwrap();
    assert_eq!(conninfo.describe(), "string:2/environment");
    assert_eq!(conninfo.user, "service");
    let by_string = read_with(&format!("service=s servicefile={file}"), &[]).unwrap();
    assert_eq!(by_string.describe(), "service:2/service");
}

#[test]
fn an_empty_value_in_the_string_means_the_default_and_an_empty_variable_is_not_set() {
    assert_eq!(
        read_with("host='' port=''", &[("PGHOST", "db1"), ("PGPORT", "9")]).unwrap().describe(),
        "localhost:5432/ann"
    );
    assert_eq!(
        read_with("", &[("PGHOST", ""), ("PGSSLMODE", ""), ("PGPORT", "")]).unwrap().describe(),
        "localhost:5432/ann"
    );
}

#[test]
fn several_hosts_share_a_port_or_have_their_own() {
    assert_eq!(read("postgres://a,b,[::1]:3/db").describe(), "a:5432,b:5432,[::1]:3/db");
    assert_eq!(read("host=a,b port=6 dbname=db").describe(), "a:6,b:6/db");
    assert_eq!(
        read("host=a,,/run/pg port=1,,3 dbname=db").describe(),
        "a:1,localhost:5432,/run/pg:3/db"
    );
    assert_eq!(refused("host=a,b port=1,2,3").what(), "3 ports do not match 2 hosts");
    assert_eq!(
        refused("host=a,b hostaddr=192.0.2.1").what(),
        "2 names in host do not match 1 hosts"
    );
}

#[test]
fn an_address_is_connected_to_and_the_name_is_kept_for_checks() {
    let conninfo = read("host=db1,db2 hostaddr=192.0.2.1,::1");
    let at = |host: &str, addr: &str| HostAt::Tcp {
        host: host.to_owned(),
        addr: Some(addr.parse().unwrap()),
    };
    assert_eq!(conninfo.hosts[0].at, at("db1", "192.0.2.1"));
    assert_eq!(conninfo.hosts[1].at, at("db2", "::1"));
    assert_eq!(read("hostaddr=192.0.2.1").hosts[0].at, at("192.0.2.1", "192.0.2.1"));
    assert_eq!(refused("hostaddr=db1").what(), "hostaddr is not an IP address");
}

#[test]
fn values_libpq_would_refuse_are_refused_with_those_it_takes() {
    for (text, what, fix) in [
        ("sslmode=requir", "sslmode cannot be \"requir\"", "verify-full"),
        ("sslmode=''", "sslmode cannot be \"\"", "prefer"),
        ("channel_binding=yes", "channel_binding cannot be \"yes\"", "disable, prefer, require"),
        (
            "target_session_attrs=rw",
            "target_session_attrs cannot be \"rw\"",
            "read-write, read-only, primary, standby, prefer-standby",
        ),
        ("load_balance_hosts=on", "load_balance_hosts cannot be \"on\"", "disable, random"),
        ("sslnegotiation=x", "sslnegotiation cannot be \"x\"", "postgres, direct"),
        ("sslsni=yes", "sslsni cannot be \"yes\"", "1, 0"),
        ("connect_timeout=soon", "connect_timeout cannot be \"soon\"", "seconds"),
        ("port=0", "port is not a number from 1 to 65535", "correct the port"),
        ("port=65536", "port is not a number from 1 to 65535", "correct the port"),
    ] {
        let error = refused(text);
        assert_eq!(error.what(), what);
        assert!(error.remedy().unwrap().contains(fix), "{}", error.report());
    }
}

#[test]
fn a_wrong_variable_is_named() {
    let error = read_with("", &[("PGSSLMODE", "always")]).unwrap_err();
    assert!(error.report().contains("environment variable PGSSLMODE"), "{}", error.report());
    let error = read_with("", &[("PGPORT", "five")]).unwrap_err();
    assert!(error.report().contains("environment variable PGPORT"), "{}", error.report());
}

#[test]
fn a_protection_that_cannot_be_honoured_is_refused_and_not_ignored() {
    for text in [
        "sslcrl=/crl",
        "require_auth=scram-sha-256",
        "requirepeer=postgres",
        "gssencmode=require",
        "ssl_min_protocol_version=TLSv1.3",
        "sslcertmode=require",
        "replication=database",
    ] {
        assert!(refused(text).what().ends_with("is not supported"), "{text}");
    }
    assert!(read_with("", &[("PGREQUIREAUTH", "scram-sha-256")]).is_err());
    read("ssl_min_protocol_version=TLSv1.2 gssencmode=prefer sslcertmode=allow sslcrl=''");
}

#[test]
fn keywords_that_do_not_concern_us_are_accepted() {
    read(
        "application_name=x client_encoding=utf8 keepalives=1 keepalives_idle=5 tcp_user_timeout=0 \
         krbsrvname=postgres",
    );
}

#[test]
fn contradictions_libpq_refuses_are_refused() {
    assert!(
        refused("sslrootcert=system sslmode=require")
            .what()
            .contains("too weak for sslrootcert=system")
    );
    assert!(refused("sslnegotiation=direct").what().contains("too weak for sslnegotiation=direct"));
    assert!(
        refused("channel_binding=require sslmode=disable")
            .what()
            .contains("cannot be combined with sslmode=disable")
    );
    assert!(refused("hostaddr=192.0.2.1 sslmode=verify-full").what().contains("needs a host name"));
    read("sslnegotiation=direct sslmode=require");
}

#[test]
fn the_systems_authorities_mean_verify_full() {
    let conninfo = read("host=db1 sslrootcert=system");
    assert_eq!(conninfo.sslmode, SslMode::VerifyFull);
    assert_eq!(conninfo.sslrootcert, Some(RootCert::System));
}

#[test]
fn zero_and_less_seconds_wait_for_ever() {
    assert_eq!(read("connect_timeout=0").connect_timeout, None);
    assert_eq!(read("connect_timeout=-1").connect_timeout, None);
}

#[test]
fn certificates_and_passfile_of_the_home_are_found() {
    let home = tempfile::tempdir().unwrap();
    let ssl = home.path().join(".postgresql");
    std::fs::create_dir(&ssl).unwrap();
    for name in ["root.crt", "postgresql.crt", "postgresql.key"] {
        std::fs::write(ssl.join(name), "").unwrap();
    }
    let env = Environment {
        home: Some(home.path().to_owned()),
        os_user: Some("ann".to_owned()),
        ..Environment::empty()
    };
    let conninfo = Conninfo::parse("", &env).unwrap();
    assert_eq!(conninfo.sslrootcert, Some(RootCert::File(ssl.join("root.crt"))));
    assert_eq!(conninfo.sslcert, Some(ssl.join("postgresql.crt")));
    assert_eq!(conninfo.sslkey, Some(ssl.join("postgresql.key")));
    assert_eq!(conninfo.password.passfile, Some(home.path().join(".pgpass")));
    let without = Conninfo::parse("sslcertmode=disable", &env).unwrap();
    assert_eq!((without.sslcert, without.sslkey), (None, None));
}

#[test]
fn the_default_host_is_where_the_socket_is() {
    let first = tempfile::tempdir().unwrap();
    let second = tempfile::tempdir().unwrap();
    let _socket = UnixListener::bind(second.path().join(".s.PGSQL.5433")).unwrap();
    let dirs = [first.path().to_owned(), second.path().to_owned()];
    assert_eq!(default_host(&dirs, 5433), HostAt::Unix(second.path().to_owned()));
    assert_eq!(default_host(&dirs, 5432), HostAt::Unix(first.path().to_owned()));
    let missing = [first.path().join("none"), second.path().to_owned()];
    assert!(
        matches!(default_host(&missing, 5432), HostAt::Tcp { host, .. } if host == "localhost")
    );
}

#[test]
fn settings_complete_a_url_but_never_say_the_same_twice() {
    let env = Environment {
        os_user: Some("ann".to_owned()),
        var: &|name| (name == "PGPASSWORD").then(|| "hunter2".to_owned()),
        ..Environment::empty()
    };
    let settings = ConnectionSettings {
        url: Some("postgres://db1/orders".into()),
        user: Some("bob".to_owned()),
        password_file: Some(PathBuf::from("/run/secrets/password")),
        ..ConnectionSettings::default()
    };
    let conninfo = Conninfo::from_settings(&settings, &env).unwrap();
    assert_eq!((conninfo.describe().as_str(), conninfo.user.as_str()), ("db1:5432/orders", "bob"));
    assert!(conninfo.password.given.is_none(), "a password file comes before PGPASSWORD");
    let twice = ConnectionSettings { database: Some("other".to_owned()), ..settings.clone() };
    let error = Conninfo::from_settings(&twice, &env).unwrap_err();
    assert_eq!(error.what(), "database is given twice: in url and as a setting");
    let twice = ConnectionSettings { password: Some("hunter2".into()), ..settings };
    let error = Conninfo::from_settings(&twice, &env).unwrap_err();
    assert_eq!(error.what(), "the password is given twice: by itself and by password_file");
}

#[test]
fn another_scheme_is_refused() {
    assert!(refused("mysql://u:hunter2@h/db").report().contains("only PostgreSQL is supported"));
}

#[test]
fn no_error_and_no_debug_output_shows_a_password() {
    for text in [
        "postgres://u:hunter2@h:99999/db",
        "postgres://u:hunter2@h/db?sslmode=x",
        "postgres://u:hunter2@h/db?what=x",
        "postgres://u:hunter2",
        "postgres://u:hunter2/x@h/db",
        "postgres://u:1/hunter2@h/db",
        "mysql://u:hunter2@h/db",
        "postgres:/u:hunter2@h/db",
        "u:hunter2@h/db",
        "password=x hunter2",
        "password=hunter2 sslmode=x",
        "password=hunter2 port=x",
    ] {
        let error = refused(text);
        let shown = format!("{error} {error:?} {}", error.report());
        assert!(!shown.contains("hunter2"), "{text}: {shown}");
    }
    let conninfo = read("postgres://ann:hunter2@h/db");
    let shown = format!("{conninfo:?} {conninfo:#?} {}", conninfo.describe());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(conninfo.describe(), "h:5432/db");
    let settings = ConnectionSettings {
        url: Some("postgres://ann:hunter2@h/db".into()),
        password: Some("hunter2".into()),
        ..ConnectionSettings::default()
    };
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_private_server_is_reached_by_its_socket() {
    let conninfo = Conninfo::unix(Path::new("/tmp/private"), 5433, "postgres", "template1");
    assert_eq!(conninfo.describe(), "/tmp/private:5433/template1");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = read_with(&text, &[]);
        let _ = read_with(&format!("postgres://{text}"), &[]);
    }
}
