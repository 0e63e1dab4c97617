//! Objects that keep data, from the outside: what was answered is true after whatever happens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../support/guest.rs"]
#[expect(dead_code, reason = "each test uses a part of it")]
mod guest;
#[path = "../support/node.rs"]
#[expect(dead_code, reason = "each test uses a part of it")]
mod node;

mod alarms;
mod damage;
mod failing;
mod faults;
mod lives;
mod operator;
mod outlaws;
mod process;
mod registry;
mod rig;
mod seeds;
mod starts;

use std::path::Path;
use std::time::Duration;

use guest::{Watch, application};
use node::Server;

fn start(data: &Path) -> (Server, Watch) {
    let (application, watch) = application();
    let server = Server::with(application, |options| {
        options.storage.data = Some(data.to_owned());
        options.object.hibernate_after = Some(Duration::ZERO);
    });
    (server, watch)
}

#[test]
fn an_alarm_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _watch) = start(folder.path());
    assert_eq!(server.ask("/lobby/alarm"), (200, "None".into()));
    assert_eq!(server.ask("/lobby/set-alarm?99999999999999"), (200, "set".into()));
    assert_eq!(server.ask("/lobby/alarm"), (200, "Some(99999999999999)".into()));
    drop(server);
    let (server, _watch) = start(folder.path());
    assert_eq!(server.ask("/lobby/alarm"), (200, "Some(99999999999999)".into()));
    assert_eq!(server.ask("/kitchen/alarm"), (200, "None".into()));
}

#[test]
fn an_alarm_of_an_object_that_sleeps_fires() {
    let folder = tempfile::tempdir().unwrap();
    let (server, watch) = start(folder.path());
    assert_eq!(server.ask("/lobby/set-alarm?1"), (200, "set".into()));
    watch.wait_for("alarm 0");
    assert_eq!(server.ask("/lobby/alarm"), (200, "None".into()));
}

#[test]
fn an_alarm_that_was_late_fires_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (server, watch) = start(folder.path());
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() + 300;
    assert_eq!(server.ask(&format!("/lobby/set-alarm?{soon}")), (200, "set".into()));
    watch.wait_for("stop");
    drop(server);
    let (_server, watch) = start(folder.path());
    watch.wait_for("alarm 0");
}
