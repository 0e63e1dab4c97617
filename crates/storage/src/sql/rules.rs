//! What SQL of a guest may do: workerd's rules (`src/workerd/util/sqlite.c++`, `isAuthorized`).
//!
//! SQLite asks for each thing that a statement would do while it prepares it. Our own statements may do everything
//! but not through a trigger or a view, since those are a guest's; so nothing that a guest has made reaches the tables
//! whose names begin with `_cf_`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Shared with SQLite, which asks inside of calls on the connection, on the thread that makes them.
#[derive(Default)]
pub(super) struct Rules {
    /// Whether the statement that is prepared or run is a guest's.
    guest: AtomicBool,
    /// Whether it is the operator's, who may read more and set less.
    operator: AtomicBool,
    noted: Mutex<Noted>,
}

/// What the statement that was prepared last would do.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    /// It begins or ends a transaction.
    pub(super) transaction: bool,
    /// It reads a table.
    pub(super) reads: bool,
    /// It changes the schema.
    pub(super) schema: bool,
    /// It alters a table: perhaps its name, which SQLite does not tell.
    pub(super) alters: bool,
    /// It deletes rows.
    pub(super) deletes: bool,
    /// The table that it inserts into.
    pub(super) inserts: Option<String>,
    /// The table that it updates, and the columns.
    pub(super) updates: Option<(String, Vec<String>)>,
}

impl Rules {
    /// Does what a guest asks for.
    pub(super) fn guest<T>(&self, work: impl FnOnce() -> T) -> T {
        self.guest.store(true, Ordering::Relaxed);
        let result = work();
        self.guest.store(false, Ordering::Relaxed);
        result
    }

    /// Does what the operator asks for.
    pub(super) fn operator<T>(&self, work: impl FnOnce() -> T) -> T {
        self.operator.store(true, Ordering::Relaxed);
        let result = self.guest(work);
        self.operator.store(false, Ordering::Relaxed);
        result
    }

    /// Whether it is a guest's statement that SQLite works on.
    pub(super) fn is_guest(&self) -> bool {
        self.guest.load(Ordering::Relaxed)
    }

    /// What the statement that was prepared last would do; forgotten after.
    pub(super) fn take_noted(&self) -> Noted {
        std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers SQLite.
    pub(super) fn answer(&self, context: AuthContext<'_>) -> Authorization {
        if !self.is_guest() && context.accessor.is_none() {
            return Authorization::Allow;
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if context.accessor.is_none() {
            noted.note(context.action);
            if self.operator.load(Ordering::Relaxed) {
                match context.action {
                    AuthAction::Read { .. } if context.database_name == Some("main") => return Authorization::Allow,
                    // What is set on a connection would be set for the guest.
                    AuthAction::Pragma { pragma_name, pragma_value: Some(_) } if is_setting(pragma_name) => {
                        return Authorization::Deny;
                    }
                    _ => {}
                }
            }
        }
        if is_allowed(context.action, context.database_name) { Authorization::Allow } else { Authorization::Deny }
    }
}

impl Noted {
    fn note(&mut self, action: AuthAction<'_>) {
        match action {
            AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => self.transaction = true,
            AuthAction::Read { .. } => self.reads = true,
            // With each change of the schema come changes of the table that holds it.
            AuthAction::Insert { table_name } | AuthAction::Delete { table_name } if is_schema(table_name) => {
                self.schema = true;
            }
            AuthAction::Update { table_name, .. } if is_schema(table_name) => self.schema = true,
            AuthAction::AlterTable { .. } => (self.alters, self.schema) = (true, true),
            AuthAction::Delete { .. } => self.deletes = true,
            AuthAction::Insert { table_name } => {
                self.inserts.get_or_insert_with(|| table_name.to_owned());
            }
            AuthAction::Update { table_name, column_name } => {
                let (_, columns) = self.updates.get_or_insert_with(|| (table_name.to_owned(), Vec::new()));
                columns.push(column_name.to_owned());
            }
            _ => {}
        }
    }
}

fn is_schema(table: &str) -> bool {
    matches!(table, "sqlite_master" | "sqlite_schema")
}

/// Whether a table, index, view or trigger with this name may be a guest's.
pub(super) fn is_allowed_name(name: &str) -> bool {
    !name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("_cf_"))
}

fn is_allowed(action: AuthAction<'_>, database: Option<&str>) -> bool {
    // Of an altered table SQLite tells the database in another place.
    let database = match action {
        AuthAction::AlterTable { database_name, .. } => Some(database_name),
        _ => database,
    };
    match database {
        Some(name) if name.eq_ignore_ascii_case("temp") => match action {
            AuthAction::Read { table_name, .. } | AuthAction::Update { table_name, .. } => is_allowed_name(table_name),
            _ => false,
        },
        Some(name) if !name.eq_ignore_ascii_case("main") => false,
        _ => is_allowed_in_main(action),
    }
}

fn is_allowed_in_main(action: AuthAction<'_>) -> bool {
    match action {
        // Analysing tells nothing but sizes, and `ANALYZE` without a name is of all tables.
        AuthAction::Select | AuthAction::Recursive | AuthAction::Analyze { .. } => true,
        AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Read { table_name, .. }
        | AuthAction::Update { table_name, .. } => is_allowed_name(table_name),
        AuthAction::CreateView { view_name } | AuthAction::DropView { view_name } => is_allowed_name(view_name),
        AuthAction::Reindex { index_name } => is_allowed_name(index_name),
        AuthAction::CreateIndex { index_name: name, table_name }
        | AuthAction::DropIndex { index_name: name, table_name }
        | AuthAction::CreateTrigger { trigger_name: name, table_name }
        | AuthAction::DropTrigger { trigger_name: name, table_name } => {
            is_allowed_name(name) && is_allowed_name(table_name)
        }
        AuthAction::CreateVtable { table_name, module_name } | AuthAction::DropVtable { table_name, module_name } => {
            is_one_of(module_name, &["fts5", "fts5vocab", "rtree", "rtree_i32"]) && is_allowed_name(table_name)
        }
        AuthAction::Pragma { pragma_name, pragma_value } => is_allowed_pragma(pragma_name, pragma_value),
        AuthAction::Function { function_name } => is_allowed_function(function_name),
        // Transactions, other databases, what is temporary, and what SQLite may learn to do.
        _ => false,
    }
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

fn is_allowed_pragma(name: &str, value: Option<&str>) -> bool {
    match (name.to_ascii_lowercase().as_str(), value) {
        ("table_list", _) => true,
        ("data_version" | "page_size", value) => value.is_none(),
        (name, value) if is_setting(name) => value.is_none_or(is_boolean),
        ("table_info" | "table_xinfo" | "foreign_key_list" | "index_info" | "index_list" | "index_xinfo", value) => {
            value.is_some_and(is_allowed_name)
        }
        ("foreign_key_check", value) => value.is_none_or(is_allowed_name),
        // A number of errors to report, or a table.
        ("quick_check", value) => value.is_none_or(|value| is_number(value) || is_allowed_name(value)),
        ("optimize", value) => value.is_none_or(is_number),
        _ => false,
    }
}

/// Whether a `PRAGMA` that guests may use sets something.
fn is_setting(name: &str) -> bool {
    let settings = [
        "case_sensitive_like",
        "foreign_keys",
        "defer_foreign_keys",
        "ignore_check_constraints",
        "legacy_alter_table",
        "recursive_triggers",
        "reverse_unordered_selects",
    ];
    is_one_of(name, &settings)
}

/// Like workerd, it looks only at how the text begins.
fn is_boolean(value: &str) -> bool {
    let unquoted = ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let value = unquoted.unwrap_or(value).as_bytes();
    ["true", "false", "yes", "no", "on", "off", "1", "0"]
        .iter()
        .any(|word| value.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes())))
}

fn is_number(value: &str) -> bool {
    match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(digits) => i32::from_str_radix(digits, 16).is_ok(),
        None => value.parse::<i32>().is_ok(),
    }
}

/// Functions that a guest may use. `load_extension` is here because it refuses by itself: SQLite's C interface would have
/// to be told first to let SQL load extensions.
const FUNCTIONS: &str = "-> ->> abs acos acosh asin asinh atan atan2 atanh avg bm25 ceil changes char coalesce concat concat_ws cos \
    cosh count cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp \
    first_value floor format glob group_concat hex highlight ifnull iif instr json json_array json_array_length \
    json_each json_extract json_group_array json_group_object json_insert json_object json_patch json_quote \
    json_remove json_replace json_set json_tree json_type json_valid jsonb jsonb_array jsonb_extract \
    jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace \
    jsonb_set julianday lag last_insert_rowid last_value lead length like likelihood likely ln load_extension log \
    log2 lower ltrim match max min mod nth_value ntile nullif octet_length percent_rank pi pow printf quote \
    radians random randomblob rank replace round row_number rtreecheck rtrim sign sin sinh snippet soundex \
    sqlite_drop_column sqlite_rename_column sqlite_rename_quotefix sqlite_rename_table sqlite_rename_test sqrt \
    strftime string_agg substr substring sum tan tanh time timediff total total_changes trim trunc typeof unhex \
    unicode unixepoch unlikely upper zeroblob";

fn is_allowed_function(name: &str) -> bool {
    FUNCTIONS.split(' ').any(|allowed| allowed.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_allowed_by_their_whole_name() {
        for (name, allowed) in
            [("abs", true), ("ABS", true), ("->>", true), ("ab", false), ("", false), ("abs acos", false)]
        {
            assert_eq!(is_allowed_function(name), allowed, "{name}");
        }
    }

    #[test]
    fn names_of_ours_are_refused_in_any_case() {
        for (name, allowed) in [
            ("_cf_KV", false),
            ("_CF_x", false),
            ("_Cf_", false),
            ("_cf", true),
            ("_cfx", true),
            ("x_cf_", true),
            ("", true),
            ("☃☃", true),
        ] {
            assert_eq!(is_allowed_name(name), allowed, "{name}");
        }
    }

    #[test]
    fn values_of_pragmas_are_booleans_and_numbers() {
        for (value, boolean, number) in [
            ("ON", true, false),
            ("'off'", true, false),
            ("1", true, true),
            ("2", false, true),
            ("-1", false, true),
            ("0x10002", true, true),
            ("", false, false),
            ("'", false, false),
            ("99999999999", false, false),
        ] {
            assert_eq!((is_boolean(value), is_number(value)), (boolean, number), "{value}");
        }
    }
}
