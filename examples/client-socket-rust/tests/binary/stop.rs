//! How the process ends when it is asked to.

use crate::process::Server;

#[test]
fn a_signal_closes_sockets_with_1001_and_ends_the_process_well() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[]);
        let mut sockets: Vec<_> = ["a", "a", "b"].iter().map(|account| server.open(account)).collect();
        server.signal(signal);
        for socket in &mut sockets {
            assert_eq!(socket.closed(), "1001 The server is shutting down.");
            socket.ended();
        }
        server.wait_for(&format!(r#"stopping signal="SIG{signal}""#));
        assert_eq!(server.ended().code(), Some(0));
    }
}

#[test]
fn a_client_that_does_not_answer_does_not_keep_the_process() {
    // The grace is for what is under way, and nothing is.
    let mut server = Server::start(&["--stop-grace", "60s"]);
    let _silent = server.open("x");
    let _idle = server.connect();
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn the_port_can_be_taken_over_at_once() {
    let mut server = Server::start(&[]);
    let mut socket = server.open("x");
    server.signal("TERM");
    assert_eq!(socket.closed(), "1001 The server is shutting down.");
    socket.ended();
    assert_eq!(server.ended().code(), Some(0));
    let next = Server::start_at(server.address());
    assert_eq!(next.open("x").echo("here"), "here");
}
