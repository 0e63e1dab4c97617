// transaction and transactionSync: what is kept, what is taken back, what may be done in them, and their errors.
import { objects } from "./sections.js";

const { Subject, worker } = objects({
    commit,
    thrown,
    rolledBack,
    afterwards,
    methods,
    nested,
    outside,
    alarms,
    deletingAll,
    sqlInside,
    arguments: wrongArguments,
    order,
    sync,
    syncNested,
    syncAsync,
    syncErrors,
    syncInside,
    mixed,
    shape,
});
export { Subject, worker as default };

const attempt = async (run) => {
    try {
        return await run();
    } catch (error) {
        return error;
    }
};

async function commit(t, { storage }) {
    t.show(
        "value",
        await storage.transaction(async (txn) => {
            await txn.put("a", 1);
            t.show("get in it", await txn.get("a"));
            t.show("get outside of it, in it", await storage.get("a"));
            return "returned";
        }),
    );
    t.show("after it", await storage.get("a"));
    t.show(
        "a function that is not async",
        await storage.transaction((txn) => {
            txn.put("b", 1);
            return 5;
        }),
    );
    t.show("after a function that is not async", await storage.get("b"));
    t.show("no value", await storage.transaction(async () => {}));
    t.show("a transaction that does nothing", await storage.transaction(() => null));
    t.show("a promise as value", await storage.transaction(() => Promise.resolve("promised")));
    t.show("a thenable as value", await storage.transaction(() => ({ then: (resolve) => resolve("then") })));
    t.show(
        "an object as value",
        await (async () => {
            const value = { a: () => 1 };
            return (await storage.transaction(async () => value)) === value;
        })(),
    );
    t.show(
        "a write that is not awaited",
        await storage.transaction(async (txn) => {
            txn.put("c", 1);
        }),
    );
    t.show("after a write that is not awaited", await storage.get("c"));
    t.show(
        "a transaction over a timer",
        await storage.transaction(async (txn) => {
            await txn.put("d", 1);
            await new Promise((resolve) => setTimeout(resolve, 5));
            await txn.put("e", 2);
            return [...(await txn.list()).keys()];
        }),
    );
}

async function thrown(t, { storage }) {
    await storage.put("a", 0);
    const mine = new RangeError("mine");
    const caught = await attempt(() =>
        storage.transaction(async (txn) => {
            await txn.put("a", 1);
            await txn.put("b", 1);
            throw mine;
        }),
    );
    t.show("the same error", caught === mine);
    t.show("after a throw", await storage.list());
    await t.throws("a throw at once", () =>
        storage.transaction((txn) => {
            txn.put("a", 2);
            throw new TypeError("at once");
        }),
    );
    t.show("after a throw at once", await storage.list());
    await t.throws("a throw of a text", () =>
        storage.transaction(async () => {
            throw "text";
        }),
    );
    await t.throws("a throw of undefined", () =>
        storage.transaction(async () => {
            throw undefined;
        }),
    );
    await t.throws("a rejected write", () =>
        storage.transaction(async (txn) => {
            await txn.put("a", 3);
            await txn.put("a", () => 1);
        }),
    );
    t.show("after a rejected write", await storage.get("a"));
    await t.throws("a rejected write that is caught", () =>
        storage.transaction(async (txn) => {
            await txn.put("a", 4);
            await txn.put("a", () => 1).catch(() => {});
            return "caught";
        }),
    );
    t.show("after a rejected write that is caught", await storage.get("a"));
    await t.throws("a throw after a delete", () =>
        storage.transaction(async (txn) => {
            await txn.delete("a");
            throw new Error("after delete");
        }),
    );
    t.show("after a throw after a delete", await storage.get("a"));
    t.show("the object goes on", await storage.put("z", 1));
}

async function rolledBack(t, { storage }) {
    await storage.put("a", 0);
    t.show(
        "rollback gives",
        await storage.transaction(async (txn) => {
            await txn.put("a", 1);
            t.show("rollback returns", txn.rollback());
            await t.throws("rollback again", () => txn.rollback());
            for (const [name, run] of Object.entries({
                get: () => txn.get("a"),
                "get of several": () => txn.get(["a"]),
                put: () => txn.put("a", 2),
                "put of several": () => txn.put({ a: 2 }),
                delete: () => txn.delete("a"),
                "delete of several": () => txn.delete(["a"]),
                list: () => txn.list(),
                getAlarm: () => txn.getAlarm(),
                setAlarm: () => txn.setAlarm(Date.now() + 100_000),
                deleteAlarm: () => txn.deleteAlarm(),
                deleteAll: () => txn.deleteAll(),
                "put of undefined": () => txn.put("a", undefined),
                "get without arguments": () => txn.get(),
            })) {
                await t.throws(`${name} after rollback`, run);
            }
            t.show("storage after rollback, in it", await storage.get("a"));
            await storage.put("outer", 1);
            return "value";
        }),
    );
    t.show("after rollback", await storage.list());
    await t.throws("rollback and a throw", () =>
        storage.transaction(async (txn) => {
            txn.rollback();
            throw new Error("after rollback");
        }),
    );
    t.show(
        "rollback before a write that is awaited",
        await storage.transaction(async (txn) => {
            const put = txn.put("b", 1);
            txn.rollback();
            return attempt(() => put);
        }),
    );
    t.show("after that rollback", await storage.get("b"));
    t.show("rollback gives nothing for a value of its own", await storage.transaction((txn) => txn.rollback()));
}

async function afterwards(t, { storage }) {
    let kept;
    await storage.transaction(async (txn) => {
        kept = txn;
        await txn.put("a", 1);
    });
    const all = {
        get: () => kept.get("a"),
        put: () => kept.put("a", 2),
        delete: () => kept.delete("a"),
        list: () => kept.list(),
        getAlarm: () => kept.getAlarm(),
        setAlarm: () => kept.setAlarm(Date.now() + 100_000),
        deleteAlarm: () => kept.deleteAlarm(),
        deleteAll: () => kept.deleteAll(),
        rollback: () => kept.rollback(),
        "put of undefined": () => kept.put("a", undefined),
        "get without arguments": () => kept.get(),
    };
    for (const [name, run] of Object.entries(all)) {
        await t.throws(`${name} after commit`, run);
    }
    t.show("nothing was changed", await storage.list());
    await attempt(() =>
        storage.transaction(async (txn) => {
            kept = txn;
            throw new Error("x");
        }),
    );
    for (const [name, run] of Object.entries(all)) {
        await t.throws(`${name} after a throw`, run);
    }
    let later;
    await storage.transaction(async (txn) => {
        later = new Promise((resolve) => setTimeout(resolve, 5)).then(() => txn.put("late", 1));
        later.catch(() => {});
    });
    await t.throws("a write that comes late", () => later);
}

async function methods(t, { storage }) {
    await storage.put({ a: 1, b: 2, c: 3 });
    await storage.transaction(async (txn) => {
        t.show("txn get", await txn.get("a"));
        t.show("txn get of several", await txn.get(["b", "a", "x"]));
        t.show("txn list", await txn.list({ start: "b", limit: 1 }));
        t.show("txn put of several", await txn.put({ d: 4, e: undefined }));
        t.show("txn delete", await txn.delete("a"));
        t.show("txn delete of several", await txn.delete(["b", "x"]));
        t.show("txn list of all", await txn.list());
        t.show(
            "txn with options",
            await txn.put("f", 1, { allowConcurrency: true, allowUnconfirmed: true, noCache: true }),
        );
        await t.throws("txn put of undefined", () => txn.put("g", undefined));
        await t.throws("txn get without arguments", () => txn.get());
        await t.throws("txn put without arguments", () => txn.put());
        await t.throws("txn get with a number as options", () => txn.get("a", 5));
        await t.throws("txn list with limit zero", () => txn.list({ limit: 0 }));
        await t.throws("txn list with a number", () => txn.list(5));
        await t.throws("txn setAlarm of a text", () => txn.setAlarm("x"));
    });
    t.show("all after it", await storage.list());
}

async function nested(t, { storage }) {
    await t.throws("a transaction in a transaction", () =>
        storage.transaction(async (outer) => {
            await outer.put("a", 1);
            const value = await storage.transaction(async (inner) => {
                t.show("the inner sees the outer", await inner.get("a"));
                await inner.put("b", 1);
                return "inner";
            });
            t.show("the outer sees the inner", await outer.get("b"));
            return value;
        }),
    );
    t.show("after both", await storage.list());
    await storage.deleteAll();
    await t.throws("the inner throws", () =>
        storage.transaction(async (outer) => {
            await outer.put("a", 1);
            const inner = await attempt(() =>
                storage.transaction(async (txn) => {
                    await txn.put("b", 1);
                    throw new Error("inner");
                }),
            );
            await outer.put("c", 1);
            return inner.message;
        }),
    );
    t.show("after the inner threw", await storage.list());
    await storage.deleteAll();
    await t.throws("the outer throws", () =>
        storage.transaction(async (outer) => {
            await storage.transaction(async (txn) => txn.put("b", 1));
            throw new Error("outer");
        }),
    );
    t.show("after the outer threw", await storage.list());
    await t.throws("the outer is used in the inner", () =>
        storage.transaction(async (outer) => {
            await storage.transaction(async (inner) => {
                await outer.put("by outer", 1);
                await inner.put("by inner", 1);
            });
            return [...(await outer.list()).keys()];
        }),
    );
    await storage.deleteAll();
    await t.throws("the inner rolls back", () =>
        storage.transaction(async (outer) => {
            await outer.put("a", 1);
            await storage.transaction(async (inner) => {
                await inner.put("b", 1);
                inner.rollback();
            });
            return [...(await outer.list()).keys()];
        }),
    );
    await storage.deleteAll();
    await t.throws("the outer rolls back while the inner runs", () =>
        storage.transaction(async (outer) => {
            const result = await attempt(() =>
                storage.transaction(async (inner) => {
                    await inner.put("b", 1);
                    outer.rollback();
                    return attempt(() => inner.put("c", 1));
                }),
            );
            return result;
        }),
    );
    t.show("after that", await storage.list());
}

async function outside(t, { storage }) {
    await storage.transaction(async (txn) => {
        await storage.put("outside", 1);
        t.show("txn sees what storage put", await txn.get("outside"));
        storage.kv.put("kv", 1);
        t.show("txn sees what kv put", await txn.get("kv"));
        await txn.put("inside", 1);
        t.show("storage sees what txn put", await storage.get("inside"));
        t.show("kv sees what txn put", storage.kv.get("inside"));
        t.show("storage lists", [...(await storage.list()).keys()]);
    });
    await attempt(() =>
        storage.transaction(async () => {
            await storage.put("outside 2", 1);
            storage.kv.put("kv 2", 1);
            throw new Error("x");
        }),
    );
    t.show("what storage put in a transaction that threw", await storage.list());
    const order = [];
    const one = storage.transaction(async (txn) => {
        order.push("one begins");
        await txn.put("n", 1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        order.push("one ends");
    });
    const two = storage.transaction(async (txn) => {
        order.push(`two begins ${await txn.get("n")}`);
    });
    const read = storage.get("n").then((value) => order.push(`get ${value}`));
    await Promise.all([one, two, read]);
    t.show("two at a time", order);
}

async function alarms(t, { storage }) {
    // The class has no alarm handler: what is said of it, in a transaction too.
    await t.throws("setAlarm without a handler in a transaction", () =>
        storage.transaction(async (txn) => txn.setAlarm(Date.now() + 100_000)),
    );
    t.show("getAlarm in a transaction", await storage.transaction((txn) => txn.getAlarm()));
    t.show("deleteAlarm in a transaction", await storage.transaction((txn) => txn.deleteAlarm()));
}

async function deletingAll(t, { storage }) {
    await storage.put("a", 1);
    await t.throws("txn.deleteAll", () => storage.transaction(async (txn) => txn.deleteAll()));
    t.show("after txn.deleteAll", await storage.list());
    await t.throws("storage.deleteAll in a transaction", () =>
        storage.transaction(async (txn) => {
            await txn.put("b", 1);
            await storage.deleteAll();
            return [...(await txn.list()).keys()];
        }),
    );
    t.show("after storage.deleteAll in a transaction", await storage.list());
    await storage.put("c", 1);
    await t.throws("storage.deleteAll in a transaction that throws", () =>
        storage.transaction(async () => {
            await storage.deleteAll();
            throw new Error("x");
        }),
    );
    t.show("after storage.deleteAll in a transaction that throws", await storage.list());
    await t.throws("storage.deleteAll in transactionSync", () =>
        storage.transactionSync(() => {
            storage.deleteAll().catch((error) => t.show("deleteAll in transactionSync", error));
        }),
    );
    await null;
    await storage.sync();
    t.show("after storage.deleteAll in transactionSync", await storage.list());
}

async function sqlInside(t, { storage }) {
    const { sql } = storage;
    sql.exec("CREATE TABLE t (a)");
    await storage.transaction(async (txn) => {
        sql.exec("INSERT INTO t VALUES (1)");
        await txn.put("k", 1);
    });
    t.show("SQL in a transaction", sql.exec("SELECT * FROM t").toArray());
    await attempt(() =>
        storage.transaction(async (txn) => {
            sql.exec("INSERT INTO t VALUES (2)");
            sql.exec("CREATE TABLE u (a)");
            await txn.put("k", 2);
            throw new Error("x");
        }),
    );
    t.show("SQL in a transaction that threw", [
        sql.exec("SELECT * FROM t").toArray(),
        await storage.get("k"),
        sql.exec("SELECT count(*) AS n FROM sqlite_master WHERE name = 'u'").one().n,
    ]);
    await attempt(() =>
        storage.transaction(async (txn) => {
            sql.exec("INSERT INTO t VALUES (3)");
            txn.rollback();
            sql.exec("INSERT INTO t VALUES (4)");
        }),
    );
    t.show("SQL around a rollback", sql.exec("SELECT * FROM t").toArray());
    await t.throws("a cursor over the end of a transaction", async () => {
        sql.exec("INSERT INTO t VALUES (5), (6), (7)");
        const open = await storage.transaction(async () => {
            const cursor = sql.exec("SELECT a FROM t ORDER BY a");
            cursor.next();
            return cursor;
        });
        return open.toArray();
    });
    await t.throws("a cursor over a rollback", async () => {
        let open;
        await attempt(() =>
            storage.transaction(async () => {
                sql.exec("DELETE FROM t WHERE a > 5");
                open = sql.exec("SELECT a FROM t ORDER BY a");
                open.next();
                throw new Error("x");
            }),
        );
        return open.toArray();
    });
    t.show("the table after a rollback", sql.exec("SELECT a FROM t ORDER BY a").toArray());
    await t.throws("a SQL error in a transaction that is caught", () =>
        storage.transaction(async () => {
            sql.exec("INSERT INTO t VALUES (8)");
            try {
                sql.exec("SELEC");
            } catch {
                // It goes on.
            }
            return sql.exec("SELECT count(*) AS n FROM t").one();
        }),
    );
}

async function wrongArguments(t, { storage }) {
    for (const [label, value] of Object.entries({ nothing: undefined, null: null, number: 5, object: {}, text: "x" })) {
        await t.throws(`transaction of ${label}`, () => storage.transaction(value));
        await t.throws(`transactionSync of ${label}`, () => storage.transactionSync(value));
    }
    await t.throws("transaction with options", () => storage.transaction(() => 1, { lowPriority: true }));
    await t.throws("transaction with a number", () => storage.transaction(() => 1, 5));
    t.show("arguments of the callback", await storage.transaction((...all) => [all.length, all[0].constructor.name]));
    t.show(
        "arguments of the callback of transactionSync",
        storage.transactionSync((...all) => all.length),
    );
    t.show(
        "this of the callback",
        await storage.transaction(function () {
            return [typeof this, this === storage, this === globalThis];
        }),
    );
    t.show(
        "this of the callback of transactionSync",
        storage.transactionSync(function () {
            return [typeof this, this === storage, this === globalThis];
        }),
    );
}

async function order(t, { storage }) {
    const seen = [];
    const transaction = storage
        .transaction(async () => {
            seen.push("callback");
            await null;
            seen.push("callback after a microtask");
        })
        .then(() => seen.push("done"));
    seen.push("after the call");
    await null;
    seen.push("a microtask after the call");
    await transaction;
    t.show("order of a transaction", seen);
}

async function sync(t, { storage }) {
    const { sql, kv } = storage;
    sql.exec("CREATE TABLE t (a)");
    t.show(
        "transactionSync gives",
        storage.transactionSync(() => {
            kv.put("a", 1);
            sql.exec("INSERT INTO t VALUES (1)");
            return { value: kv.get("a") };
        }),
    );
    const mine = new RangeError("mine");
    const caught = (() => {
        try {
            storage.transactionSync(() => {
                kv.put("a", 2);
                sql.exec("INSERT INTO t VALUES (2)");
                throw mine;
            });
        } catch (error) {
            return error;
        }
    })();
    t.show("transactionSync throws the same error", caught === mine);
    t.show("after transactionSync threw", [kv.get("a"), sql.exec("SELECT * FROM t").toArray()]);
    await t.throws("transactionSync throws a text", () =>
        storage.transactionSync(() => {
            throw "text";
        }),
    );
    t.show(
        "asynchronous puts in transactionSync",
        (() => {
            storage.transactionSync(() => {
                storage.put("b", 1);
            });
            return kv.get("b");
        })(),
    );
    try {
        storage.transactionSync(() => {
            storage.put("b", 2);
            storage.delete("a");
            throw new Error("x");
        });
    } catch {
        // It is rolled back.
    }
    t.show("asynchronous puts in transactionSync that threw", [kv.get("a"), kv.get("b"), await storage.get("b")]);
    t.show(
        "a table in transactionSync that threw",
        (() => {
            try {
                storage.transactionSync(() => {
                    sql.exec("CREATE TABLE gone (a)");
                    throw new Error("x");
                });
            } catch {
                // It is rolled back.
            }
            return sql.exec("SELECT count(*) AS n FROM sqlite_master WHERE name = 'gone'").one();
        })(),
    );
    t.show(
        "writes before are kept",
        (() => {
            kv.put("before", 1);
            try {
                storage.transactionSync(() => {
                    throw new Error("x");
                });
            } catch {
                // It is rolled back.
            }
            return kv.get("before");
        })(),
    );
}

async function syncNested(t, { storage }) {
    const { kv } = storage;
    const keys = () => Array.from(kv.list(), ([key]) => key);
    t.show(
        "nested",
        storage.transactionSync(() => {
            kv.put("a", 1);
            return storage.transactionSync(() => {
                kv.put("b", 1);
                return keys();
            });
        }),
    );
    storage.transactionSync(() => {
        kv.put("c", 1);
        try {
            storage.transactionSync(() => {
                kv.put("d", 1);
                throw new Error("inner");
            });
        } catch {
            // Only the inner one is rolled back.
        }
        kv.put("e", 1);
    });
    t.show("the inner threw", keys());
    try {
        storage.transactionSync(() => {
            storage.transactionSync(() => kv.put("f", 1));
            throw new Error("outer");
        });
    } catch {
        // Both are rolled back.
    }
    t.show("the outer threw", keys());
    await t.throws("50 deep", () => {
        const deeper = (depth) => (depth === 0 ? "deep" : storage.transactionSync(() => deeper(depth - 1)));
        return deeper(50);
    });
}

async function syncAsync(t, { storage }) {
    const { kv } = storage;
    const result = storage.transactionSync(async () => {
        kv.put("at once", 1);
        await null;
        kv.put("later", 1);
        return "value";
    });
    t.show("an async callback gives", [result.constructor.name, await result]);
    t.show(
        "after an async callback",
        Array.from(kv.list(), ([key]) => key),
    );
    const failing = storage.transactionSync(async () => {
        kv.put("failing", 1);
        throw new Error("rejected");
    });
    await t.throws("an async callback that throws", () => failing);
    t.show("after an async callback that throws", kv.get("failing"));
}

async function syncErrors(t, { storage }) {
    const { sql } = storage;
    sql.exec("CREATE TABLE t (a UNIQUE)");
    await t.throws("a constraint fails", () =>
        storage.transactionSync(() => {
            sql.exec("INSERT INTO t VALUES (1)");
            sql.exec("INSERT INTO t VALUES (1)");
        }),
    );
    t.show("after a constraint failed", sql.exec("SELECT count(*) AS n FROM t").one());
    await t.throws("BEGIN in transactionSync", () => storage.transactionSync(() => sql.exec("BEGIN")));
    await t.throws("ROLLBACK in transactionSync", () => storage.transactionSync(() => sql.exec("ROLLBACK")));
    await t.throws("a cursor over the end of transactionSync", () => {
        sql.exec("INSERT INTO t VALUES (2), (3)");
        const open = storage.transactionSync(() => {
            const cursor = sql.exec("SELECT a FROM t ORDER BY a");
            cursor.next();
            return cursor;
        });
        return open.toArray();
    });
    await t.throws("a cursor over the rollback of transactionSync", () => {
        let open;
        try {
            storage.transactionSync(() => {
                open = sql.exec("SELECT a FROM t ORDER BY a");
                open.next();
                sql.exec("DELETE FROM t");
                throw new Error("x");
            });
        } catch {
            // It is rolled back.
        }
        return open.toArray();
    });
    await t.throws("a cursor from before, over the rollback of transactionSync", () => {
        const open = sql.exec("SELECT a FROM t ORDER BY a");
        open.next();
        try {
            storage.transactionSync(() => {
                sql.exec("INSERT INTO t VALUES (100)");
                throw new Error("x");
            });
        } catch {
            // It is rolled back.
        }
        return open.toArray();
    });
}

async function syncInside(t, { storage }) {
    const { kv } = storage;
    await storage.transaction(async (txn) => {
        storage.transactionSync(() => kv.put("a", 1));
        t.show("transactionSync in a transaction", await txn.get("a"));
        try {
            storage.transactionSync(() => {
                kv.put("b", 1);
                throw new Error("x");
            });
        } catch {
            // Only this one is rolled back.
        }
        t.show("transactionSync that threw in a transaction", await txn.get("b"));
    });
    await attempt(() =>
        storage.transaction(async () => {
            storage.transactionSync(() => kv.put("c", 1));
            throw new Error("x");
        }),
    );
    t.show("transactionSync in a transaction that threw", kv.get("c"));
    await t.throws("a transaction in transactionSync", async () => {
        let inner;
        storage.transactionSync(() => {
            inner = attempt(() =>
                storage.transaction(async (txn) => {
                    await txn.put("d", 1);
                    return "inner";
                }),
            );
        });
        return inner;
    });
    t.show("after a transaction in transactionSync", kv.get("d"));
}

async function mixed(t, { storage }) {
    const { sql, kv } = storage;
    kv.put("before", 1);
    sql.exec("CREATE TABLE t (a)");
    await attempt(() =>
        storage.transaction(async (txn) => {
            await txn.put("inside", 1);
            sql.exec("INSERT INTO t VALUES (1)");
            throw new Error("x");
        }),
    );
    t.show("writes of the same turn before a transaction stay", [
        kv.get("before"),
        kv.get("inside"),
        sql.exec("SELECT count(*) AS n FROM t").one().n,
    ]);
    const transaction = storage.transaction(async (txn) => {
        await txn.put("tx", 1);
        throw new Error("x");
    });
    kv.put("beside", 1);
    await attempt(() => transaction);
    t.show("a write right after the call of a transaction that throws", kv.get("beside"));
    t.show(
        "sync in a transaction",
        await storage.transaction(async (txn) => {
            await txn.put("s", 1);
            return attempt(() => storage.sync());
        }),
    );
}

async function shape(t, { storage }) {
    await storage.transaction(async (txn) => {
        const proto = Object.getPrototypeOf(txn);
        t.show("names of txn", Object.getOwnPropertyNames(proto).sort());
        t.show("class of txn", [txn.constructor.name, Object.prototype.toString.call(txn), Object.keys(txn)]);
        t.show("txn has", [
            typeof txn.sql,
            typeof txn.kv,
            typeof txn.transaction,
            typeof txn.sync,
            typeof txn.deleteAll,
        ]);
        await t.throws("txn.get with another this", () => txn.get.call(storage, "a"));
        await t.throws("storage.get with txn as this", () => storage.get.call(txn, "a"));
    });
}
