//! `caches`: what is kept, for how long, and what is refused.

use dormouse_js::Worker;

use crate::harness::Server;
use crate::support::run;

fn answer(body: &str) -> Vec<String> {
    let source = format!(
        r#"export default {{ async fetch() {{
            const said = [];
            const text = async (response) => (response === undefined ? "nothing" : `${{response.status}} ${{await response.text()}}`);
            const attempt = async (run) => {{ try {{ await run(); said.push("taken"); }} catch (error) {{ said.push(error.message); }} }};
            const cache = caches.default;
            const url = "http://x/a";
            {body}
            return new Response(said.join("\n"));
        }} }};"#
    );
    Server::new(run(Worker::new("main", source))).ask("http://x/").1.lines().map(str::to_owned).collect()
}

#[test]
fn a_response_is_found_again_until_it_is_deleted() {
    let said = answer(
        r#"said.push(await text(await cache.match(url)));
        await cache.put(url, new Response("kept", { status: 201, headers: { "x-mine": "1" } }));
        const found = await cache.match(new Request(url));
        said.push(found.headers.get("x-mine") + found.headers.get("cf-cache-status"), await text(found));
        said.push(await text(await cache.match(url)));
        said.push(await text(await (await caches.open("other")).match(url)));
        said.push(await text(await cache.match(new Request(url, { method: "POST" }))));
        said.push(await cache.delete(url), await cache.delete(url));
        said.push(await text(await cache.match(url)));"#,
    );
    assert_eq!(said, ["nothing", "1HIT", "201 kept", "201 kept", "nothing", "nothing", "true", "false", "nothing"]);
}

#[test]
fn headers_say_how_long_it_is_kept() {
    let said = answer(
        r#"for (const control of ["no-store", "private", "max-age=0", "max-age=60", "max-age=0, s-maxage=60"]) {
            await cache.put(url, new Response(control, { headers: { "cache-control": control } }));
            said.push(await text(await cache.match(url)));
            await cache.delete(url);
        }
        await cache.put(url, new Response("old", { headers: { expires: "Thu, 01 Jan 1970 00:00:00 GMT" } }));
        said.push(await text(await cache.match(url)));"#,
    );
    assert_eq!(said, ["nothing", "nothing", "nothing", "200 max-age=60", "200 max-age=0, s-maxage=60", "nothing"]);
}

#[test]
fn what_cannot_be_kept_is_refused_and_what_is_too_much_goes() {
    let said = answer(
        r#"await attempt(() => cache.put(new Request(url, { method: "POST" }), new Response("")));
        await attempt(() => cache.put(url, new Response("", { status: 206 })));
        await attempt(() => cache.put(url, new Response("", { headers: { vary: "*" } })));
        const big = new Uint8Array(6 << 20);
        for (const name of ["b", "c", "d"]) await cache.put(`http://x/${name}`, new Response(big));
        for (const name of ["b", "c", "d"]) said.push((await cache.match(`http://x/${name}`)) !== undefined);"#,
    );
    let refused = [
        "Cannot cache response to non-GET request.",
        "Cannot cache response to a range request (206 Partial Content).",
        "Cannot cache response with 'Vary: *' header.",
    ];
    assert_eq!(said[..3], refused);
    assert_eq!(said[3..], ["false", "true", "true"], "the oldest one went");
}
