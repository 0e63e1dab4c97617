//! How a server starts, and how it stops.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use dormouse_server::{Error, Server};

use crate::guest::{PATIENCE, application};
use crate::multiplex::Client;
use crate::world::{HOUR, World};

#[test]
fn an_address_that_is_in_use_is_an_error() {
    let world = World::new();
    let taken = world.address().to_string();
    let error = Server::builder().listen(&taken).start(application().0).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {taken}"));
    let Error::Listen { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(world.get("/x/hello").text(), "hello?", "the first server is not harmed");
}

#[test]
fn an_address_that_is_none_is_an_error() {
    for address in ["", "localhost", "127.0.0.1", "1.2.3.4.5:80", "127.0.0.1:99999"] {
        let error = Server::builder().listen(address).start(application().0).unwrap_err();
        assert!(error.to_string().contains(&format!("`{address}`, is not of the form IP:PORT")), "{error}");
    }
}

#[test]
fn a_connection_is_accepted_as_soon_as_the_server_is_there() {
    for _ in 0..20 {
        let world = World::with(|server| server.shards(4));
        assert_eq!(world.get("/x/hello").text(), "hello?");
    }
}

#[test]
fn a_stopping_server_lets_requests_end_and_closes_sockets_with_1001() {
    let mut world = World::with(|server| server.stop_grace(PATIENCE));
    let mut idle = world.connect();
    idle.write("GET /z/hello HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(idle.response().text(), "hello?");
    let mut silent = world.connect();
    let mut socket = world.client("y", "a");
    let mut request = world.connect();
    request.write("GET /x/wait HTTP/1.1\r\nHost: test\r\n\r\n");
    world.wait_for("request waits");

    let address = world.address();
    let stopper = world.stop_aside();
    assert_eq!(socket.closed(), "1001 The server is shutting down.");
    socket.ended();
    assert!(idle.is_over(), "a connection without a request is closed");
    assert!(silent.is_over(), "so is one that never had any");
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "somebody still listens");
    }
    world.release();
    let response = request.response();
    assert_eq!((response.text(), response.header("connection")), ("waited", Some("close")));
    assert!(request.is_over());
    stopper.join().unwrap();
}

#[test]
fn a_request_that_needs_another_shard_ends_well_while_the_server_stops() {
    // Whichever shard accepts the connection, some of these objects live on the other one.
    let mut world = World::with(|server| server.stop_grace(PATIENCE));
    let mut requests: Vec<_> = ["a", "b", "c", "d", "e", "f"]
        .map(|name| {
            let mut http = world.connect();
            http.write(format!("GET /{name}/hello HTTP/1.1\r\nHost: test\r\nHold: 1\r\n\r\n"));
            world.wait_for("entry waits");
            http
        })
        .into();
    let mut silent = world.connect();
    let stopper = world.stop_aside();
    assert!(silent.is_over());
    requests.iter().for_each(|_| world.release());
    for request in &mut requests {
        assert_eq!(request.response().text(), "hello?");
    }
    drop(requests);
    stopper.join().unwrap();
}

#[test]
fn a_stopping_server_waits_no_longer_than_its_grace() {
    let mut world = World::with(|server| server.stop_grace(Duration::from_millis(50)));
    let mut request = world.connect();
    request.write("GET /x/wait HTTP/1.1\r\nHost: test\r\n\r\n");
    world.wait_for("request waits");
    world.server.take().unwrap().stop();
    assert!(request.is_over());
    assert_eq!(world.reported(), ["stop"]);
}

#[test]
fn a_socket_that_never_answers_does_not_keep_the_server_for_all_its_grace() {
    let mut world = World::with(|server| server.stop_grace(HOUR).close_timeout(HOUR));
    let socket = world.client("x", "a");
    world.stops();
    drop(socket);
}

#[test]
fn a_server_that_has_stopped_has_let_go_of_its_application() {
    let mut world = World::with(|server| server.stop_grace(PATIENCE));
    // With every kind of connection, and with one that its client keeps.
    let mut http2 = Client::connect(&world);
    let within = http2.open("/x/socket?b");
    let mut socket = world.client("y", "a");
    assert!(!world.is_forgotten());
    let stopper = world.stop_aside();
    assert_eq!(socket.closed(), "1001 The server is shutting down.");
    drop(within);
    stopper.join().unwrap();
    assert!(world.is_forgotten());
}
