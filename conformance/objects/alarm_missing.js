// Alarms in a class that has no alarm handler.
import { objects } from "./sections.js";

const { Subject: Sections, worker } = objects({ outside, constructed, constructedAtOnce, assigned, notFunction });
export { worker as default };

const FAR = Date.UTC(2100, 0, 1);

export class Subject extends Sections {
    constructor(ctx, env) {
        super(ctx, env);
        if (ctx.id.name === "constructed") {
            ctx.blockConcurrencyWhile(async () => {
                this.set = await ctx.storage.setAlarm(FAR).then(
                    () => "set",
                    (error) => error,
                );
                this.seen = await ctx.storage.getAlarm().catch((error) => error);
            });
        }
        if (ctx.id.name === "constructedAtOnce") {
            this.set = ctx.storage.setAlarm(FAR).then(
                () => "set",
                (error) => error,
            );
        }
        if (ctx.id.name === "assigned") {
            this.alarm = () => {};
        }
        if (ctx.id.name === "notFunction") {
            this.alarm = 5;
        }
    }
}

async function outside(t, { storage }) {
    await t.throws("setAlarm", () => storage.setAlarm(FAR));
    await t.throws("setAlarm of a negative time", () => storage.setAlarm(-1));
    await t.throws("setAlarm of a text", () => storage.setAlarm("x"));
    await t.throws("getAlarm", () => storage.getAlarm());
    await t.throws("deleteAlarm", () => storage.deleteAlarm());
    await t.throws("setAlarm in a transaction", () => storage.transaction((txn) => txn.setAlarm(FAR)));
}

async function constructed(t, { storage }, env, subject) {
    t.show("setAlarm in the constructor", subject.set);
    t.show("getAlarm in the constructor", subject.seen);
    t.show("getAlarm later", await storage.getAlarm());
}

async function constructedAtOnce(t, { storage }, env, subject) {
    t.show("setAlarm in the constructor at once", await subject.set);
    t.show("getAlarm after it", await storage.getAlarm());
    await storage.deleteAlarm();
}

async function assigned(t, { storage }) {
    await t.throws("setAlarm with a handler of the instance", () => storage.setAlarm(FAR));
    await storage.deleteAlarm();
}

async function notFunction(t, { storage }) {
    await t.throws("setAlarm with a handler that is a number", () => storage.setAlarm(FAR));
}
