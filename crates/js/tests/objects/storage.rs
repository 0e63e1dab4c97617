//! `ctx.storage` over restarts, hibernation and failures (reference 1.4, 1.5). What one request sees is in `conformance`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dormouse_js::{ClassStorage, Worker};
use dormouse_runtime::storage::file::sim::{Fault, Loss, SimDisk};

use crate::harness::Server;
use crate::support::{room, run};

const ROOM: &str = r#"class Room extends DurableObject {
    constructor(ctx, env) {
        super(ctx, env);
        this.count = 0;
        ctx.storage.kv.put("starts", (ctx.storage.kv.get("starts") ?? 0) + 1);
        ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS said (id INTEGER PRIMARY KEY, text TEXT)");
    }
    async fetch(request) {
        const { pathname, searchParams } = new URL(request.url);
        const { storage } = this.ctx;
        switch (pathname.split("/")[2]) {
            case "ws": {
                const pair = new WebSocketPair();
                this.ctx.acceptWebSocket(pair[1]);
                return new Response(null, { status: 101, webSocket: pair[0] });
            }
            case "write":
                await storage.put({ map: new Map([["a", [1n, new Date(5)]]]), deleted: 1 });
                storage.sql.exec("INSERT INTO said (text) VALUES (?), (?)", "one", "two");
                await storage.delete("deleted");
                return new Response("written");
            case "read": {
                const texts = storage.sql.exec("SELECT text FROM said ORDER BY id").raw().toArray();
                const map = await storage.get("map");
                const keys = [...(await storage.list()).keys()];
                return new Response(`${storage.kv.get("starts")} ${keys} ${texts} ${map?.get("a")[1].getTime()}`);
            }
            case "value":
                return new Response(String(await storage.get("value")));
            case "alarm":
                await storage.setAlarm(Date.now() + Number(searchParams.get("in")));
                return new Response("set");
            case "get-alarm":
                return new Response(String(await storage.getAlarm()));
            case "alarms":
                return new Response(String((await storage.get("alarms")) ?? 0));
            case "delete-all":
                await storage.setAlarm(Date.now() + 1e9);
                await storage.deleteAll();
                return new Response(String(typeof (await storage.getAlarm())));
        }
    }
    webSocketMessage(ws, message) {
        this.count += 1;
        const { storage } = this.ctx;
        if (message.startsWith("alarm")) {
            storage.setAlarm(Date.now() + Number(message.slice(6)));
        } else if (message === "endless") {
            try {
                storage.sql.exec("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
            } catch {
                for (;;) {}
            }
        } else {
            storage.put("value", Number(message));
            ws.send(`${this.count} ${message}`);
        }
    }
    async alarm(info) {
        this.ctx.storage.put("alarms", ((await this.ctx.storage.get("alarms")) ?? 0) + 1);
        for (const ws of this.ctx.getWebSockets()) ws.send(`alarm after ${this.count}, ${info.retryCount}`);
    }
}"#;

fn start(worker: Worker, data: &Path, hibernate_after: Option<Duration>) -> Server {
    Server::with(run(worker), |options| {
        options.storage.data = Some(data.to_owned());
        options.object.hibernate_after = hibernate_after;
    })
}

/// A node with the class in a new folder.
fn with_class(class: &str) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (start(room(class), folder.path(), None), folder)
}

/// What an object of the class answers whose `fetch` has this body.
fn answer(body: &str) -> String {
    let class =
        format!("class Room extends DurableObject {{ async fetch() {{ const {{ storage }} = this.ctx; {body} }} }}");
    let (server, _folder) = with_class(&class);
    server.ask("http://x/a").1
}

#[test]
fn data_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(room(ROOM), folder.path(), None);
    assert_eq!(server.ask("http://x/a/read").1, "1 starts  undefined");
    assert_eq!(server.ask("http://x/a/write").1, "written");
    assert_eq!(server.ask("http://x/a/read").1, "1 map,starts one,two 5");
    drop(server);
    let server = start(room(ROOM), folder.path(), None);
    assert_eq!(server.ask("http://x/a/read").1, "2 map,starts one,two 5");
    assert_eq!(server.ask("http://x/b/read").1, "1 starts  undefined");
}

#[test]
fn an_alarm_fires_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(room(ROOM), folder.path(), None);
    assert_eq!(server.ask("http://x/a/alarm?in=1000000000").1, "set");
    let at = server.ask("http://x/a/get-alarm").1;
    assert_eq!(server.ask("http://x/b/alarm?in=300").1, "set");
    drop(server);
    let server = start(room(ROOM), folder.path(), None);
    assert_eq!(server.ask("http://x/a/get-alarm").1, at);
    // Whichever of the two nodes it came due on.
    while server.ask("http://x/b/alarms").1 != "1" {
        std::thread::yield_now();
    }
    assert_eq!(server.ask("http://x/b/get-alarm").1, "null");
    assert_eq!(server.ask("http://x/a/alarms").1, "0");
}

#[test]
fn an_alarm_wakes_an_object_that_sleeps() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(room(ROOM), folder.path(), Some(Duration::ZERO));
    let mut socket = server.connect("http://x/a/ws");
    // An instance that has slept in between has counted nothing. How long it takes to fall asleep is the machine's matter.
    let slept = [20, 100, 500, 2_000].iter().any(|wait| {
        socket.send(&format!("alarm {wait}"));
        socket.next() == "alarm after 0, 0"
    });
    assert!(slept);
    socket.send("5");
    assert_eq!(socket.next(), "1 5");
}

#[test]
fn what_is_sent_after_a_write_was_durable() {
    for moment in [1, 4, 7] {
        let disk = SimDisk::new(moment);
        let folder = tempfile::tempdir().unwrap();
        let start = |disk: &SimDisk| {
            Server::with(run(room(ROOM)), |options| {
                options.storage.data = Some(folder.path().to_owned());
                options.storage.files = Arc::new(disk.clone());
            })
        };
        let server = start(&disk);
        let mut socket = server.connect("http://x/a/ws");
        socket.send("0");
        assert_eq!(socket.next(), "1 0");
        disk.fail_at(moment, Fault::POWER_OFF);
        let mut seen = 0;
        for value in 1..20 {
            socket.send(&value.to_string());
            let said = socket.next();
            if said.starts_with("close") {
                break;
            }
            assert_eq!(said, format!("{} {value}", value + 1));
            seen = value;
        }
        assert_eq!(disk.failed() > 0, seen < 19, "moment {moment}");
        assert!(disk.failed() > 0, "the power goes in this test");
        let image = disk.power_loss_of(Loss::Everything, 0);
        drop(server);
        let server = start(&image);
        let read = server.ask("http://x/a/read").1;
        assert!(read.starts_with("2 starts,value "), "{read}");
        let kept: u64 = server.ask("http://x/a/value").1.parse().unwrap();
        assert!(kept >= seen, "moment {moment}: {seen} was sent and {kept} is kept");
    }
}

#[test]
fn an_endless_statement_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = room(ROOM);
    worker.cpu_time_max = Duration::from_millis(200);
    let server = start(worker, folder.path(), None);
    let mut socket = server.connect("http://x/a/ws");
    socket.send("1");
    assert_eq!(socket.next(), "1 1");
    socket.send("endless");
    socket.send("2");
    assert_eq!(socket.next(), "1 2");
}

#[test]
fn delete_all_keeps_the_alarm_of_older_workers() {
    let (server, _folder) = with_class(ROOM);
    assert_eq!(server.ask("http://x/a/delete-all").1, "object");
    let folder = tempfile::tempdir().unwrap();
    let mut worker = room(ROOM);
    worker.compatibility_date = "2026-02-23".to_owned();
    let server = start(worker, folder.path(), None);
    assert_eq!(server.ask("http://x/a/delete-all").1, "number");
}

#[test]
fn a_class_without_sql_is_told_so() {
    let class = r#"class Room extends DurableObject {
        async fetch() {
            const { storage } = this.ctx;
            await storage.put("a", 1);
            const tries = [() => storage.sql, () => storage.kv, () => storage.transactionSync(() => {})];
            const told = tries.map((run) => { try { return run(); } catch (error) { return error.message; } });
            const rolledBack = await storage.transaction(async (txn) => { await txn.put("a", 2); txn.rollback(); });
            return Response.json([...told, await storage.get("a")]);
        }
    }"#;
    let mut worker = room(class);
    worker.classes[0].storage = ClassStorage::KeyValue;
    let folder = tempfile::tempdir().unwrap();
    let text = start(worker, folder.path(), None).ask("http://x/a").1;
    let parts: Vec<&str> = text.trim_matches(['[', ']']).split("\",").collect();
    assert!(parts[0].starts_with("\"SQL is not enabled for this Durable Object class. To enable it, change"), "{text}");
    assert!(
        parts[1].starts_with("\"The storage.kv (synchronous KV) API is only available for SQLite-backed"),
        "{text}"
    );
    assert_eq!(parts[2..], ["\"Durable Object is not backed by SQL.", "1"]);
}

#[test]
fn storage_needs_a_data_folder() {
    let server = Server::new(run(room(
        "class Room extends DurableObject {
            async fetch() { return new Response(await this.ctx.storage.get('a').catch((error) => error.message)); }
        }",
    )));
    assert_eq!(server.ask("http://x/a").1, "This server keeps no data: it was started without a data folder.");
}

#[test]
fn a_cursor_that_is_read_outlives_many_that_are_forgotten() {
    let body = r#"
        const numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) SELECT i FROM n";
        const kept = storage.sql.exec(numbers);
        kept.next();
        for (let round = 0; round < 500; round += 1) {
            for (const row of storage.sql.exec(numbers)) { if (row.i === 300) break; }
            // What nobody holds any more is closed when the code that runs has come to its end.
            await null;
        }
        return new Response(String(kept.toArray().length));"#;
    assert_eq!(answer(body), "1999");
}

#[test]
fn cursors_that_go_on_together_are_bounded() {
    let body = r#"
        const numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) SELECT i FROM n";
        const all = Array.from({ length: 65 }, () => storage.sql.exec(numbers));
        const read = all.map((cursor) => { try { return cursor.toArray().length; } catch (error) { return error.message; } });
        return new Response([read[0], new Set(read.slice(1)).size, read[64]].join());"#;
    let told =
        "This SQL cursor was closed before its rows were read: at most 64 can be open, and none survives deleteAll().";
    assert_eq!(answer(body), format!("{told},1,2000"));
}

#[test]
fn a_transaction_waits_for_those_inside_of_it() {
    let body = r#"
        let inner;
        await storage.transaction(async (txn) => {
            await txn.put("outer", 1);
            const begun = new Promise((resolve) => {
                inner = storage.transaction(async (txn) => {
                    resolve();
                    await new Promise((resolve) => setTimeout(resolve, 10));
                    await txn.put("inner", 1);
                });
            });
            await begun;
        });
        const first = [...(await storage.list()).keys()];
        await inner;
        const all = await Promise.all([1, 2].map((value) =>
            storage.transaction(async (txn) => {
                await txn.put("last", value);
                await new Promise((resolve) => setTimeout(resolve, 5));
                return txn.get("last");
            })));
        return new Response(`${first} ${all}`);"#;
    assert_eq!(answer(body), "inner,outer 1,2");
}

#[test]
fn transactions_side_by_side_in_another_one_come_one_after_the_other() {
    let body = r#"
        const seen = await storage.transaction(() => Promise.all([1, 2].map((value) =>
            storage.transaction(async (txn) => {
                await txn.put("v", value);
                await new Promise((resolve) => setTimeout(resolve, 5));
                return txn.get("v");
            }))));
        return new Response(`${seen} ${await storage.get("v")}`);"#;
    assert_eq!(answer(body), "1,2 2");
}

#[test]
fn rollback_inside_of_transaction_sync_is_refused() {
    let body = r#"
        const told = await storage.transaction(async (txn) => {
            await txn.put("a", 1);
            try { storage.transactionSync(() => txn.rollback()); } catch (error) { return error.message; }
        });
        return new Response(`${told} ${await storage.get("a")}`);"#;
    assert_eq!(answer(body), "Cannot roll back an outer transaction while a nested transaction is still running. 1");
}

#[test]
fn storage_of_another_object_is_refused() {
    let class = r#"class Room extends DurableObject {
        async fetch() {
            if (globalThis.other === undefined) {
                globalThis.other = this.ctx.storage;
                return new Response("kept");
            }
            const { other } = globalThis;
            const tries = [() => other.get("a"), () => other.kv.get("a"), () => other.sql.exec("SELECT 1")];
            const told = [];
            for (const run of tries) {
                try { await run(); told.push("done"); } catch (error) { told.push(error.message.slice(0, 61)); }
            }
            return new Response([...new Set(told)].join());
        }
    }"#;
    let (server, _folder) = with_class(class);
    assert_eq!(server.ask("http://x/a").1, "kept");
    assert_eq!(server.ask("http://x/b").1, "Cannot perform I/O on behalf of a different Durable Object. I");
}

/// What is left of an object that is gone is nobody's, whoever is made next in the same isolate.
#[test]
fn storage_that_outlives_its_object_is_not_that_of_the_next_one() {
    let class = r#"class Room extends DurableObject {
        async fetch() {
            if (globalThis.left === undefined) {
                globalThis.left = this.ctx.storage;
                await left.put("a", "of the first");
                this.ctx.abort("gone");
            }
            try { return new Response(await left.get("a")); } catch (error) { return new Response(error.message.slice(0, 61)); }
        }
    }"#;
    let (server, _folder) = with_class(class);
    assert!(server.try_get("http://x/a").is_err());
    assert_eq!(server.ask("http://x/b").1, "Cannot perform I/O on behalf of a different Durable Object. I");
}
