//! Compatibility dates and flags: which behaviour a Worker is written for.
//!
//! A flag is on from its date, or by its name; its opposite name turns it off. Only flags that change something here
//! are in the table (reference, end of section 1). Others are known by nobody and change nothing.

/// The date of a Worker that has none.
pub(crate) const NEWEST: &str = "2026-11-01";

struct Flag {
    name: &'static str,
    off: &'static str,
    /// From when it is on by itself; empty for never.
    from: &'static str,
}

const fn flag(name: &'static str, off: &'static str, from: &'static str) -> Flag {
    Flag { name, off, from }
}

const FLAGS: &[Flag] = &[
    flag("durable_object_fetch_requires_full_url", "durable_object_fetch_allows_relative_url", "2021-11-10"),
    flag("fetch_refuses_unknown_protocols", "fetch_treats_unknown_protocols_as_http", "2021-11-10"),
    flag("global_navigator", "no_global_navigator", "2022-03-21"),
    flag("web_socket_compression", "no_web_socket_compression", "2023-08-15"),
    flag("fetcher_no_get_put_delete", "fetcher_has_get_put_delete", "2024-03-26"),
    flag("set_event_target_this", "no_set_event_target_this", "2025-08-01"),
    flag("enable_ctx_exports", "disable_ctx_exports", "2025-11-17"),
    flag("enable_request_signal", "disable_request_signal", ""),
    flag("delete_all_deletes_alarm", "delete_all_preserves_alarm", "2026-02-24"),
    flag("websocket_close_reason_byte_limit", "no_websocket_close_reason_byte_limit", "2026-03-03"),
    flag("websocket_standard_binary_type", "no_websocket_standard_binary_type", "2026-03-17"),
    flag("web_socket_auto_reply_to_close", "web_socket_manual_reply_to_close", "2026-04-07"),
    flag("nodejs_compat", "no_nodejs_compat", "2026-08-04"),
    flag("nodejs_als", "no_nodejs_als", ""),
    flag("pedantic_wpt", "non_pedantic_wpt", ""),
];

/// The flags that are on.
pub(crate) fn enabled(date: &str, given: &[String]) -> Vec<&'static str> {
    let has = |name: &str| given.iter().any(|flag| flag == name);
    let is_on = |flag: &&Flag| {
        let by_date = !flag.from.is_empty() && flag.from <= date;
        has(flag.name) || by_date && !has(flag.off)
    };
    FLAGS.iter().filter(is_on).map(|flag| flag.name).collect()
}

#[cfg(test)]
mod tests {
    use super::enabled;

    #[test]
    fn dates_and_names_turn_flags_on_and_off() {
        let check = |date: &str, given: &[&str], flag: &str| {
            let given: Vec<String> = given.iter().map(|name| (*name).to_owned()).collect();
            enabled(date, &given).contains(&flag)
        };
        assert!(!check("2026-03-16", &[], "websocket_standard_binary_type"));
        assert!(check("2026-03-17", &[], "websocket_standard_binary_type"));
        assert!(!check("2026-03-17", &["no_websocket_standard_binary_type"], "websocket_standard_binary_type"));
        assert!(check("2021-01-01", &["websocket_standard_binary_type"], "websocket_standard_binary_type"));
        assert!(!check("2030-01-01", &[], "nodejs_als"));
    }
}
