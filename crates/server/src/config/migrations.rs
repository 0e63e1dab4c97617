//! The history of a Worker's classes: which there are in the end, what they store in, and what they were at first.
//!
//! Migrations are replayed in the order of the file. Within one, deletions come first, then renames in their order,
//! transfers, and new classes last: so one migration can move a class away and begin another under its name. A step
//! that contradicts what came before is a problem, and the replay goes on as if it had not been there.

use std::collections::{BTreeMap, HashMap};

use super::problem::{Findings, Place, shown};
use super::project::{Class, Migration, Origin, Rename, Storage, Transfer};
use super::source::Source;
use super::tree::Node;

/// How a class came to be no longer there.
enum Gone {
    Deleted { tag: String },
    Renamed { to: String, tag: String },
}

/// The classes of a Worker, step by step.
pub(crate) struct History<'a> {
    source: &'a Source,
    findings: &'a mut Findings,
    classes: BTreeMap<String, Class>,
    /// Names that a class has had. A class that is there under one of them again goes before.
    gone: HashMap<String, Gone>,
    /// How many classes have had an origin of this script and name.
    generations: HashMap<(Option<String>, String), u32>,
}

/// Reads and replays the list of migrations that stands under `path`.
pub(crate) fn replay<'a>(
    source: &'a Source,
    findings: &'a mut Findings,
    list: &[Node],
    path: &str,
) -> (Vec<Migration>, History<'a>) {
    let (classes, gone, generations) = (BTreeMap::new(), HashMap::new(), HashMap::new());
    let mut history = History { source, findings, classes, gone, generations };
    let mut tags = HashMap::new();
    let mut migrations = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let tag = node.text_of("tag").unwrap_or_default();
        if let (Some(node), Some(first)) = (node.get("tag"), tags.insert(tag.clone(), index)) {
            let message = format!("is `{}`, which migration {first} already has", shown(&tag));
            history.problem(node.at, &format!("{path}.tag"), message, "give each migration a tag of its own");
        }
        let migration = read(node, tag);
        history.step(node, &path, &migration.tag);
        migrations.push(migration);
    }
    (migrations, history)
}

fn read(node: &Node, tag: String) -> Migration {
    let names = |key| node.get(key).map(Node::texts).unwrap_or_default();
    let rows = |key| node.get(key).map(Node::list).unwrap_or_default();
    let rename = |row: &Node| Some(Rename { from: row.text_of("from")?, to: row.text_of("to")? });
    let transfer = |row: &Node| {
        Some(Transfer { from: row.text_of("from")?, from_script: row.text_of("from_script")?, to: row.text_of("to")? })
    };
    Migration {
        tag,
        new_sqlite_classes: names("new_sqlite_classes"),
        new_classes: names("new_classes"),
        renamed_classes: rows("renamed_classes").iter().filter_map(rename).collect(),
        deleted_classes: names("deleted_classes"),
        transferred_classes: rows("transferred_classes").iter().filter_map(transfer).collect(),
    }
}

impl History<'_> {
    fn step(&mut self, node: &Node, path: &str, tag: &str) {
        let rows = |key: &'static str| {
            let list = node.get(key).map(Node::list).unwrap_or_default();
            list.iter().enumerate().map(move |(index, row)| (row, format!("{path}.{key}[{index}]")))
        };
        for (row, path) in rows("deleted_classes") {
            if let Some(name) = row.text() {
                self.delete(row.at, &path, name, tag);
            }
        }
        for (row, path) in rows("renamed_classes") {
            if let (Some(from), Some(to)) = (row.text_of("from"), row.text_of("to")) {
                self.rename(row.at, &path, &Rename { from, to }, tag);
            }
        }
        for (row, path) in rows("transferred_classes") {
            let (script, from, to) = (row.text_of("from_script"), row.text_of("from"), row.text_of("to"));
            if let (Some(script), Some(from), Some(to)) = (script, from, to) {
                self.create(row.at, &path, (&to, Storage::AsTransferred), (Some(script), from));
            }
        }
        for (key, storage) in [("new_sqlite_classes", Storage::Sqlite), ("new_classes", Storage::KeyValue)] {
            for (row, path) in rows(key) {
                if let Some(name) = row.text() {
                    self.create(row.at, &path, (name, storage), (None, name.to_owned()));
                }
            }
        }
    }

    fn delete(&mut self, at: usize, path: &str, name: &str, tag: &str) {
        if self.classes.remove(name).is_none() {
            self.unknown(at, path, "deletes", name);
            return;
        }
        self.gone.insert(name.to_owned(), Gone::Deleted { tag: tag.to_owned() });
    }

    fn rename(&mut self, at: usize, path: &str, rename: &Rename, tag: &str) {
        let Rename { from, to } = rename;
        if !self.classes.contains_key(from) {
            self.unknown(at, path, "renames", from);
            return;
        }
        if self.classes.contains_key(to) {
            let message = format!("gives `{}` the name `{}`, which a class has already", shown(from), shown(to));
            self.problem(at, path, message, "choose another name, or delete that class first");
            return;
        }
        if let Some(class) = self.classes.remove(from) {
            self.gone.insert(from.clone(), Gone::Renamed { to: to.clone(), tag: tag.to_owned() });
            self.classes.insert(to.clone(), Class { name: to.clone(), ..class });
        }
    }

    fn create(&mut self, at: usize, path: &str, class: (&str, Storage), origin: (Option<String>, String)) {
        let (name, storage) = class;
        if self.classes.contains_key(name) {
            let message = format!("creates `{}`, which is there already", shown(name));
            self.problem(at, path, message, "name each class once, in the migration that begins it");
            return;
        }
        let next = self.generations.entry(origin.clone()).or_default();
        let generation = *next;
        *next += 1;
        let (script, first) = origin;
        let origin = Origin { script, class: first, generation };
        self.classes.insert(name.to_owned(), Class { name: name.to_owned(), storage, origin, migrated: true });
    }

    /// A binding to a class of this Worker.
    pub(crate) fn bind(&mut self, at: usize, path: &str, name: &str) {
        if self.classes.contains_key(name) {
            return;
        }
        match self.gone.get(name) {
            Some(Gone::Deleted { tag }) => {
                let message = format!("is `{}`, which migration `{}` deletes", shown(name), shown(tag));
                self.problem(at, path, message, "take the binding out, or create the class again");
            }
            Some(Gone::Renamed { to, tag }) => {
                let message = format!("is `{}`, which migration `{}` renames", shown(name), shown(tag));
                let advice = format!("bind `{}`", shown(to));
                self.problem(at, path, message, advice);
            }
            None => {
                let message = format!(
                    "is `{}`, which no migration creates: it gets key-value storage; name it in `new_sqlite_classes` \
                     of a migration for SQLite",
                    shown(name)
                );
                self.findings.notice(Place { source: self.source, at }, path, message);
                let origin = Origin { script: None, class: name.to_owned(), generation: 0 };
                let class = Class { name: name.to_owned(), storage: Storage::KeyValue, origin, migrated: false };
                self.classes.insert(name.to_owned(), class);
            }
        }
    }

    /// The classes in the end, sorted by name.
    pub(crate) fn into_classes(self) -> Vec<Class> {
        self.classes.into_values().collect()
    }

    fn unknown(&mut self, at: usize, path: &str, verb: &str, name: &str) {
        let message = format!("{verb} `{}`, which is not there", shown(name));
        let advice = match self.gone.get(name) {
            Some(Gone::Deleted { tag }) => format!("migration `{}` has deleted it; take this out", shown(tag)),
            Some(Gone::Renamed { to, tag }) => {
                format!("migration `{}` has renamed it; write `{}`", shown(tag), shown(to))
            }
            None => "name a class that an earlier migration creates".to_owned(),
        };
        self.problem(at, path, message, advice);
    }

    fn problem(&mut self, at: usize, path: &str, message: impl Into<String>, advice: impl Into<String>) {
        self.findings.problem(Place { source: self.source, at }, path, message, advice);
    }
}
