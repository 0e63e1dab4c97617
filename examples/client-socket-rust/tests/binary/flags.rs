//! What the command line says, and what it says when it is wrong.

use std::process::Command;

use crate::process::{PROGRAM, Server, run};

#[test]
fn an_occupied_address_is_a_clear_error() {
    let server = Server::start(&[]);
    let taken = server.address().to_string();
    let end = run(&["--listen", &taken]);
    assert_eq!(end.code, Some(1));
    assert_eq!(end.stderr, format!("error: cannot listen on {taken}: Address already in use (os error 98)"));
    assert!(end.stdout.is_empty(), "{}", end.stdout);
    assert_eq!(server.open("x").echo("still here"), "still here");
}

#[test]
fn an_address_that_is_none_is_a_clear_error() {
    let end = run(&["--listen", "localhost"]);
    assert_eq!(end.code, Some(1));
    assert_eq!(
        end.stderr,
        "error: the address to listen on, `localhost`, is not of the form IP:PORT, such as 127.0.0.1:8787"
    );
}

#[test]
fn faulty_flags_are_clear_errors() {
    for (args, says) in [
        (&["--lisen", "127.0.0.1:0"][..], "unexpected argument '--lisen'"),
        (&["--listen"][..], "a value is required for '--listen <IP:PORT>'"),
        (&["--shards", "0"][..], "invalid value '0' for '--shards <N>'"),
        (&["--hibernate-after", "10"][..], "write a number and a unit, such as `10s` or `500ms`"),
        (&["--ping-interval", "0s"][..], "an interval must be longer than nothing"),
        (&["--log", "loud"][..], "`loud` is no log format; there are compact, pretty and json"),
        (&["extra"][..], "unexpected argument 'extra'"),
    ] {
        let end = run(args);
        assert_eq!(end.code, Some(2), "{args:?}");
        assert!(end.stderr.starts_with("error: ") && end.stderr.contains(says), "{args:?}: {}", end.stderr);
        assert!(end.stdout.is_empty(), "{args:?}: {}", end.stdout);
    }
}

#[test]
fn a_log_filter_that_cannot_be_read_is_a_clear_error() {
    let end = run(&["--listen", "127.0.0.1:0", "--log-filter", "a=b=c"]);
    assert_eq!(end.code, Some(1));
    assert!(end.stderr.starts_with("error: cannot set up the log: "), "{}", end.stderr);
}

#[test]
fn help_names_every_flag() {
    let end = run(&["--help"]);
    assert_eq!((end.code, &*end.stderr), (Some(0), ""));
    for flag in ["listen", "shards", "hibernate-after", "ping-interval", "stop-grace", "log", "log-filter"] {
        let variable = format!("DORMOUSE_{}", flag.to_uppercase().replace('-', "_"));
        assert!(end.stdout.contains(&format!("--{flag}")) && end.stdout.contains(&variable), "{flag}");
    }
}

#[test]
fn a_flag_wins_over_its_variable() {
    let mut command = Command::new(PROGRAM);
    command.env("DORMOUSE_LISTEN", "nonsense").env("DORMOUSE_SHARDS", "1").env("DORMOUSE_PING_INTERVAL", "50ms");
    let server = Server::spawn(command.args(["--listen", "127.0.0.1:0"]));
    // Of the variables without a flag, one can be seen from outside.
    let mut socket = server.open("x");
    assert!(matches!(socket.0.read().unwrap(), tungstenite::Message::Ping(_)));
}
