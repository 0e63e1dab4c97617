// Alarms: setting, reading, deleting; the handler and what it is told; transactions, deleteAll, a handler that fails.
import { objects } from "./sections.js";

const { Subject: Sections, worker } = objects(
    {
        times,
        overwriting,
        optionsOfAlarms,
        info,
        past,
        inHandler,
        setInHandler,
        deleteInHandler,
        oneAtATime,
        behindBlock,
        inTransactions,
        inTransactionSync,
        deletingAll,
        withWrites,
        constructed,
        constructedAgain,
        retried,
        retriedWithAnother,
        retriedAfterDelete,
        setWhileRetryIsDue,
        failingWrites,
        handlerWithPut,
    },
    { atOnce: true },
);
export { worker as default };

/** Far away: it does not come while a test runs. */
const FAR = Date.UTC(2100, 0, 1);

export class Subject extends Sections {
    /** What a section wants done. */
    onAlarm = (/** @type {any[]} */ ..._) => {};

    constructor(ctx, env) {
        super(ctx, env);
        if (ctx.id.name === "constructed") {
            ctx.storage.setAlarm(FAR);
        }
        if (ctx.id.name === "constructedAgain") {
            ctx.blockConcurrencyWhile(async () => {
                if ((await ctx.storage.getAlarm()) === null) await ctx.storage.setAlarm(FAR + 1);
                this.seen = await ctx.storage.getAlarm();
            });
        }
    }

    alarm(...all) {
        return this.onAlarm(...all);
    }
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the handler has run `count` times; each time `run` is what it does. */
function alarmed(subject, run, count = 1) {
    return new Promise((resolve) => {
        let runs = 0;
        subject.onAlarm = async (...all) => {
            runs += 1;
            try {
                return await run(runs, ...all);
            } finally {
                if (runs === count) resolve(undefined);
            }
        };
    });
}

/** Waits until nothing is due. */
async function settled(storage) {
    await wait(30);
    for (let tries = 0; tries < 300 && (await storage.getAlarm()) !== null; tries += 1) await wait(20);
}

async function times(t, { storage }) {
    t.show("no alarm", await storage.getAlarm());
    const cases = {
        number: FAR,
        date: new Date(FAR + 1),
        fraction: FAR + 0.75,
        "date of the last day": new Date(8.64e15),
        "the last millisecond": 8.64e15,
        "after the last millisecond": 8.64e15 + 1,
        "2 ** 53": 2 ** 53,
        zero: 0,
        "minus zero": -0,
        "date of zero": new Date(0),
        negative: -1,
        "negative date": new Date(-5),
        "much negative": -(2 ** 53),
        NaN: NaN,
        "date that is none": new Date(NaN),
        Infinity: Infinity,
        "minus Infinity": -Infinity,
        null: null,
        undefined: undefined,
        text: "x",
        "text of digits": String(FAR),
        "text of a date": "2100-01-01",
        true: true,
        bigint: BigInt(FAR),
        object: {},
        "object with valueOf": { valueOf: () => FAR },
        array: [FAR],
        "boxed number": new Number(FAR),
        symbol: Symbol("x"),
        function: () => FAR,
        "subclass of Date": new (class extends Date {})(FAR + 2),
        "less than a millisecond": 0.5,
    };
    for (const [label, value] of Object.entries(cases)) {
        await storage.deleteAlarm();
        await t.throws(`setAlarm of ${label}`, async () => {
            const result = storage.setAlarm(value);
            const at = await storage.getAlarm();
            return [await result, at];
        });
    }
    await storage.deleteAlarm();
    await t.throws("setAlarm without arguments", () => storage.setAlarm());
    t.show(
        "errors come by the promise",
        (() => {
            try {
                const promise = storage.setAlarm(-1);
                promise.catch(() => {});
                return promise.constructor.name;
            } catch (error) {
                return ["thrown", error.message];
            }
        })(),
    );
    await storage.setAlarm(FAR);
    await t.throws("an error leaves the alarm", async () => {
        await storage.setAlarm(-1).catch(() => {});
        return storage.getAlarm();
    });
}

async function overwriting(t, { storage }) {
    await storage.setAlarm(FAR);
    await storage.setAlarm(FAR + 5);
    t.show("the last one counts", await storage.getAlarm());
    await storage.setAlarm(FAR - 5);
    t.show("an earlier one", await storage.getAlarm());
    t.show("type", typeof (await storage.getAlarm()));
    t.show("deleteAlarm", await storage.deleteAlarm());
    t.show("after deleteAlarm", await storage.getAlarm());
    t.show("deleteAlarm of none", await storage.deleteAlarm());
    storage.setAlarm(FAR);
    t.show("not awaited", await storage.getAlarm());
    storage.deleteAlarm();
    t.show("delete not awaited", await storage.getAlarm());
    const order = [];
    await Promise.all([
        storage.setAlarm(FAR).then(() => order.push("set")),
        storage.getAlarm().then((at) => order.push(at)),
        storage.deleteAlarm().then(() => order.push("deleted")),
        storage.getAlarm().then((at) => order.push(at)),
    ]);
    t.show("order of operations", order);
}

async function optionsOfAlarms(t, { storage }) {
    const options = { allowConcurrency: true, allowUnconfirmed: true, noCache: true };
    t.show("setAlarm with options", await storage.setAlarm(FAR, options));
    t.show("getAlarm with options", await storage.getAlarm(options));
    t.show("deleteAlarm with options", await storage.deleteAlarm(options));
    await t.throws("setAlarm with a number as options", () => storage.setAlarm(FAR, 5));
    await t.throws("getAlarm with a number", () => storage.getAlarm(5));
    await t.throws("deleteAlarm with a number", () => storage.deleteAlarm(5));
    for (const [name, run] of Object.entries({
        setAlarm: (o) => storage.setAlarm(FAR, o),
        getAlarm: (o) => storage.getAlarm(o),
        deleteAlarm: (o) => storage.deleteAlarm(o),
    })) {
        const order = [];
        await run(new Proxy({}, { get: (_, key) => void order.push(String(key)) }));
        t.show(`options that ${name} reads`, order);
    }
    await storage.deleteAlarm();
}

async function info(t, { storage }, env, subject) {
    let at;
    const done = alarmed(subject, async (_, ...all) => {
        const [told] = all;
        t.show("arguments of the handler", all.length);
        t.show("keys of the info", Object.keys(told).sort());
        t.show("class of the info", [told.constructor.name, Object.getPrototypeOf(told) === Object.prototype]);
        t.show("retryCount", told.retryCount);
        t.show("isRetry", told.isRetry);
        t.show("scheduledTime", [
            typeof told.scheduledTime,
            told.scheduledTime === at,
            told.scheduledTime instanceof Date,
        ]);
        t.show("the info is not frozen", Object.isFrozen(told));
        t.show("the handler runs not early", Date.now() >= at);
    });
    at = Date.now() + 50;
    await storage.setAlarm(at);
    await done;
    await settled(storage);
    t.show("after the handler", await storage.getAlarm());
}

async function past(t, { storage }, env, subject) {
    let scheduled;
    const done = alarmed(subject, (_, told) => {
        scheduled = told.scheduledTime;
    });
    const before = Date.now();
    const setting = storage.setAlarm(1);
    const at = storage.getAlarm();
    await setting;
    t.show("an alarm of the past is set for now", (await at) >= before);
    await done;
    t.show("scheduledTime of the past is what it was set for", scheduled === (await at));
    const again = alarmed(subject, () => t.show("an alarm for a date of the past comes", true));
    await storage.setAlarm(new Date(Date.now() - 100_000));
    await again;
}

async function inHandler(t, { storage }, env, subject) {
    const done = alarmed(subject, async () => {
        t.show("getAlarm in the handler", await storage.getAlarm());
        t.show("getAlarm in the handler, in a transaction", await storage.transaction((txn) => txn.getAlarm()));
        await storage.put("by the handler", 1);
        return "a value";
    });
    await storage.setAlarm(Date.now());
    await done;
    await settled(storage);
    t.show("what the handler put", await storage.get("by the handler"));
    t.show("getAlarm after the handler", await storage.getAlarm());
}

async function setInHandler(t, { storage }, env, subject) {
    const runs = [];
    const done = alarmed(
        subject,
        async (run, told) => {
            runs.push([run, told.retryCount, told.isRetry]);
            if (run < 3) {
                await storage.setAlarm(Date.now() + 10);
                t.show(`getAlarm in the handler after a set, ${run}`, typeof (await storage.getAlarm()));
            }
        },
        3,
    );
    await storage.setAlarm(Date.now());
    await done;
    await settled(storage);
    t.show("runs of a handler that sets again", runs);
    const far = alarmed(subject, () => storage.setAlarm(FAR));
    await storage.setAlarm(Date.now());
    await far;
    await wait(50);
    t.show("the alarm that the handler set", await storage.getAlarm());
    const twice = alarmed(subject, async () => {
        await storage.setAlarm(FAR);
        await storage.deleteAlarm();
    });
    await storage.setAlarm(Date.now());
    await twice;
    await wait(50);
    t.show("set and deleted in the handler", await storage.getAlarm());
}

async function deleteInHandler(t, { storage }, env, subject) {
    let runs = 0;
    const done = alarmed(subject, async () => {
        runs += 1;
        t.show("deleteAlarm in the handler", await storage.deleteAlarm());
        t.show("getAlarm after it in the handler", await storage.getAlarm());
        await wait(5);
        t.show("the handler goes on", true);
    });
    await storage.setAlarm(Date.now());
    await done;
    await wait(100);
    t.show("runs of a handler that deletes", runs);
    t.show("after a handler that deletes", await storage.getAlarm());
}

async function oneAtATime(t, { storage }, env, subject) {
    const order = [];
    const done = alarmed(
        subject,
        async (run) => {
            order.push(`begin ${run}`);
            if (run === 1) {
                await storage.setAlarm(Date.now());
                await wait(60);
            }
            order.push(`end ${run}`);
        },
        2,
    );
    await storage.setAlarm(Date.now());
    await done;
    t.show("one handler at a time", order);
    await settled(storage);
    const beside = [];
    const slow = alarmed(subject, async () => {
        beside.push("alarm begins");
        await wait(60);
        beside.push("alarm ends");
    });
    await storage.setAlarm(Date.now());
    while (beside.length === 0) await wait(5);
    beside.push("the request goes on");
    await storage.put("x", 1);
    beside.push("the request writes");
    await slow;
    t.show("a request beside the handler", beside);
}

async function behindBlock(t, ctx, env, subject) {
    const order = [];
    const done = alarmed(subject, () => {
        order.push("alarm");
    });
    await ctx.blockConcurrencyWhile(async () => {
        await ctx.storage.setAlarm(Date.now());
        await wait(60);
        order.push("block");
    });
    await done;
    t.show("an alarm waits for blockConcurrencyWhile", order);
}

async function inTransactions(t, { storage }) {
    await storage.transaction(async (txn) => {
        t.show("txn setAlarm", await txn.setAlarm(FAR));
        t.show("txn getAlarm", await txn.getAlarm());
        t.show("getAlarm of storage in it", await storage.getAlarm());
    });
    t.show("after the transaction", await storage.getAlarm());
    await storage
        .transaction(async (txn) => {
            await txn.setAlarm(FAR + 1);
            throw new Error("x");
        })
        .catch(() => {});
    t.show("after a transaction that threw", await storage.getAlarm());
    await storage.transaction(async (txn) => {
        await txn.deleteAlarm();
        t.show("txn getAlarm after delete", await txn.getAlarm());
        txn.rollback();
        t.show("getAlarm of storage after rollback", await storage.getAlarm());
    });
    t.show("after a delete that was rolled back", await storage.getAlarm());
    await storage.transaction(async (txn) => {
        txn.rollback();
        await t.throws("setAlarm after rollback", () => txn.setAlarm(FAR));
        await t.throws("setAlarm of a negative time after rollback", () => txn.setAlarm(-1));
    });
    await storage
        .transaction(async () => {
            await storage.setAlarm(FAR + 2);
            throw new Error("x");
        })
        .catch(() => {});
    t.show("setAlarm of storage in a transaction that threw", await storage.getAlarm());
    let kept;
    await storage.transaction(async (txn) => {
        kept = txn;
        await txn.deleteAlarm();
    });
    t.show("a delete in a transaction", await storage.getAlarm());
    await t.throws("setAlarm after commit", () => kept.setAlarm(FAR));
    await t.throws("txn setAlarm without arguments", () => storage.transaction((txn) => txn.setAlarm()));
}

async function inTransactionSync(t, { storage }) {
    await storage.setAlarm(FAR);
    try {
        storage.transactionSync(() => {
            storage.setAlarm(FAR + 1);
            throw new Error("x");
        });
    } catch {
        // It is rolled back.
    }
    t.show("setAlarm in transactionSync that threw", await storage.getAlarm());
    storage.transactionSync(() => {
        storage.setAlarm(FAR + 2);
    });
    t.show("setAlarm in transactionSync", await storage.getAlarm());
    await storage.deleteAlarm();
}

async function deletingAll(t, { storage }) {
    await storage.put("a", 1);
    await storage.setAlarm(FAR);
    await storage.deleteAll();
    t.show("deleteAll deletes the alarm", await storage.getAlarm());
    storage.setAlarm(FAR);
    storage.deleteAll();
    t.show("deleteAll in the turn of setAlarm", await storage.getAlarm());
    storage.deleteAll();
    storage.setAlarm(FAR);
    t.show("setAlarm in the turn of deleteAll", await storage.getAlarm());
    await storage.deleteAlarm();
}

async function withWrites(t, { storage }) {
    await storage.setAlarm(FAR);
    t.show("an alarm is no key", await storage.list());
    t.show("an alarm is no key of kv", [...storage.kv.list()]);
    t.show("tables with an alarm", storage.sql.exec("SELECT name, sql FROM sqlite_master").toArray());
    await t.throws("the table of the alarm", () => storage.sql.exec("SELECT * FROM _cf_METADATA").toArray());
    await storage.deleteAlarm();
}

async function constructed(t, { storage }) {
    t.show("an alarm that the constructor set", await storage.getAlarm());
}

async function constructedAgain(t, { storage }, env, subject) {
    t.show("getAlarm in the constructor", subject.seen);
    await storage.deleteAlarm();
}

async function retried(t, { storage }, env, subject) {
    const runs = [];
    let at;
    const done = alarmed(
        subject,
        async (run, told) => {
            runs.push([told.retryCount, told.isRetry, told.scheduledTime === at]);
            t.show(`getAlarm in run ${run}`, await storage.getAlarm());
            await storage.put(`run ${run}`, 1);
            if (run === 1) throw new Error("fails once");
        },
        2,
    );
    at = Date.now();
    await storage.setAlarm(at);
    while (runs.length === 0) await wait(5);
    await wait(200);
    t.show("getAlarm before the second run", typeof (await storage.getAlarm()));
    await done;
    t.show("runs of a handler that fails once", runs);
    t.show("what both runs wrote", await storage.list());
    await wait(100);
    t.show("getAlarm after the second run", await storage.getAlarm());
}

async function retriedWithAnother(t, { storage }, env, subject) {
    const runs = [];
    const done = alarmed(
        subject,
        async (run, told) => {
            runs.push([told.retryCount, told.isRetry]);
            if (run === 1) {
                await storage.setAlarm(Date.now() + 100);
                throw new Error("fails after it set another");
            }
        },
        2,
    );
    await storage.setAlarm(Date.now());
    await done;
    t.show("runs of a handler that sets another and fails", runs);
    await wait(50);
    t.show("getAlarm after that", await storage.getAlarm());
}

async function retriedAfterDelete(t, { storage }, env, subject) {
    let runs = 0;
    const done = alarmed(subject, async () => {
        runs += 1;
        throw new Error("fails");
    });
    await storage.setAlarm(Date.now());
    await done;
    await wait(50);
    t.show("getAlarm while a retry is due", typeof (await storage.getAlarm()));
    await storage.deleteAlarm();
    t.show("getAlarm after the delete of a retry", await storage.getAlarm());
    // A retry comes after at most two and a half seconds.
    await wait(2800);
    t.show("runs after the delete of a retry", runs);
}

async function setWhileRetryIsDue(t, { storage }, env, subject) {
    const other = alarmed(subject, async (run) => {
        if (run === 1) throw new Error("fails");
    });
    await storage.setAlarm(Date.now());
    await other;
    await wait(50);
    let told;
    const third = alarmed(subject, (_, info) => {
        told = info;
    });
    await storage.setAlarm(Date.now());
    await third;
    t.show("an alarm that is set while a retry is due", [told.retryCount, told.isRetry]);
    await wait(50);
    t.show("getAlarm after it", await storage.getAlarm());
}

async function failingWrites(t, { storage }, env, subject) {
    const done = alarmed(
        subject,
        async (run) => {
            if (run === 1) {
                storage.put("written by the first", 1);
                storage.sql.exec("CREATE TABLE made_by_the_first (a)");
                throw new Error("fails");
            }
            t.show("the second run sees", [...(await storage.list()).keys()]);
        },
        2,
    );
    await storage.setAlarm(Date.now());
    await done;
    t.show("writes of a handler that failed", [
        await storage.get("written by the first"),
        storage.sql.exec("SELECT count(*) AS n FROM sqlite_master WHERE name = 'made_by_the_first'").one().n,
    ]);
}

async function handlerWithPut(t, { storage }, env, subject) {
    const done = alarmed(subject, () => {
        storage.put("not awaited", 1);
        storage.setAlarm(FAR);
    });
    await storage.setAlarm(Date.now());
    await done;
    await wait(50);
    t.show("a handler that awaits nothing", [await storage.get("not awaited"), await storage.getAlarm()]);
    await storage.deleteAlarm();
}
