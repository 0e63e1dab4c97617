//! The names of a simulated disk: which paths there are, which of them are durable, and the changes between the two.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    /// The file with this number.
    File(u64),
}

/// Ordered so that a folder comes before what is in it.
type Table = BTreeMap<PathBuf, Node>;

/// Names that were given or taken (`None`) at once.
struct Change {
    number: u64,
    set: Vec<(PathBuf, Option<Node>)>,
}

/// All names. The root is always there, and is in no table.
#[derive(Default)]
pub(super) struct Names {
    seen: Table,
    durable: Table,
    /// In order.
    pending: Vec<Change>,
}

impl Names {
    pub(super) fn get(&self, path: &Path) -> Option<Node> {
        if is_root(path) { Some(Node::Folder) } else { self.seen.get(path).copied() }
    }

    pub(super) fn set(&mut self, number: u64, set: Vec<(PathBuf, Option<Node>)>) {
        let change = Change { number, set };
        change.apply(&mut self.seen);
        self.pending.push(change);
    }

    /// The numbers of all files that have a name.
    pub(super) fn files(&self) -> impl Iterator<Item = u64> {
        self.seen.values().filter_map(|node| match node {
            Node::File(file) => Some(*file),
            Node::Folder => None,
        })
    }

    /// The paths of all files.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let files = self.seen.iter().filter(|(_, node)| matches!(node, Node::File(_)));
        files.map(|(path, _)| path.clone()).collect()
    }

    pub(super) fn list(&self, folder: &Path) -> Vec<String> {
        let inside = self.seen.keys().filter(|path| path.parent() == Some(folder));
        inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
    }

    /// Makes the names in a folder durable. A rename from one folder to another is then durable in both.
    pub(super) fn sync(&mut self, folder: &Path) {
        let pending = std::mem::take(&mut self.pending);
        for change in pending {
            if !change.set.iter().any(|(path, _)| path.parent() == Some(folder)) {
                self.pending.push(change);
                continue;
            }
            // What was before in the same place must not come back later.
            for earlier in &mut self.pending {
                earlier.set.retain(|(path, _)| change.set.iter().all(|(changed, _)| changed != path));
            }
            change.apply(&mut self.durable);
        }
        self.pending.retain(|change| !change.set.is_empty());
    }

    /// The numbers of changes that are not durable.
    pub(super) fn pending(&self) -> impl Iterator<Item = u64> {
        self.pending.iter().map(|change| change.number)
    }

    /// The names after a power loss.
    pub(super) fn after_loss(&self, keeps: impl Fn(u64) -> bool) -> Self {
        let mut table = self.durable.clone();
        for change in self.pending.iter().filter(|change| keeps(change.number)) {
            change.apply(&mut table);
        }
        // Without its folder a name is not found again.
        let mut found = Table::new();
        for (path, node) in table {
            let folder = path.parent();
            if folder.is_some_and(|folder| is_root(folder) || found.get(folder) == Some(&Node::Folder)) {
                found.insert(path, node);
            }
        }
        Self { seen: found.clone(), durable: found, pending: Vec::new() }
    }
}

impl Change {
    fn apply(&self, table: &mut Table) {
        for (path, node) in &self.set {
            match node {
                Some(node) => table.insert(path.clone(), *node),
                None => table.remove(path),
            };
        }
    }
}

fn is_root(path: &Path) -> bool {
    path.parent().is_none()
}
