//! What a test of `conformance` says here, compared with what workerd said; shared with `crates/server`.
//!
//! `differences.txt` of a folder lists what differs on purpose and `missing.txt` what is not there yet or wrong, line by
//! line, with the reason. What is listed must differ. `conformance/README.md` has the numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

const LINE_LEN_SHOWN: usize = 400;

/// A folder of `conformance` while its tests are compared.
pub(crate) struct Comparison {
    name: &'static str,
    differences: List,
    missing: List,
    /// What the folder's tests should not have said.
    wrong: String,
    equal: usize,
    different: usize,
    absent: usize,
}

/// A folder of `conformance`.
pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance").join(name)
}

/// A script in a folder.
pub(crate) fn script(folder_name: &str, file: &str) -> String {
    fs::read_to_string(folder(folder_name).join(file)).unwrap()
}

/// The tests of a folder, but for its `helpers`.
pub(crate) fn names(folder_name: &str, helpers: &[&str]) -> BTreeSet<String> {
    let files = fs::read_dir(folder(folder_name)).unwrap().map(|file| file.unwrap().path());
    let tests = files.filter(|path| path.extension().is_some_and(|ending| ending == "js"));
    let files = tests.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let tests = files.filter(|file| !helpers.contains(&file.as_str()));
    let only = std::env::var("APIS").ok();
    let tests = tests.map(|file| file.trim_end_matches(".js").to_owned());
    tests.filter(|name| only.as_ref().is_none_or(|only| only == name)).collect()
}

impl Comparison {
    pub(crate) fn new(name: &'static str) -> Self {
        let list = |file| List::read(folder(name).join(file));
        let (differences, missing) = (list("differences.txt"), list("missing.txt"));
        Self { name, differences, missing, wrong: String::new(), equal: 0, different: 0, absent: 0 }
    }

    /// Compares what a test says here with the record.
    pub(crate) fn take(&mut self, test: &str, here: &str) {
        let recorded = fs::read_to_string(folder(self.name).join(format!("{test}.txt")))
            .unwrap_or_else(|_| panic!("{test} is not recorded: run `cargo xtask conformance --record {test}`"));
        let (here, there) = (lines(here), lines(&recorded));
        let labels: BTreeSet<&str> = here.keys().chain(there.keys()).copied().collect();
        for label in labels {
            let (one, other) = (here.get(label), there.get(label));
            if one == other {
                self.equal += 1;
            } else if self.differences.covers(test, label) {
                self.different += 1;
            } else if self.missing.covers(test, label) {
                self.absent += 1;
            } else {
                let [one, other] = [one, other].map(|said| said.map_or("nothing", |said| cut(said)));
                self.wrong += &format!("{test}: `{label}`\n      here: {one}\n   workerd: {other}\n");
            }
        }
        for (label, file) in self.differences.unused(test).chain(self.missing.unused(test)) {
            self.wrong += &format!("{test}: `{label}` stands in {file} and is as recorded\n");
        }
    }

    /// Whether a test says here what it should.
    pub(crate) fn is_right(name: &'static str, test: &str, here: &str) -> bool {
        let mut comparison = Self::new(name);
        comparison.take(test, here);
        comparison.wrong.is_empty()
    }

    /// What is wrong with the folder's tests, or with what the README says of them.
    pub(crate) fn wrong(self) -> String {
        let Self { name, wrong, equal, different, absent, .. } = self;
        let row = format!("| `{name}` | {} | {equal} | {different} | {absent} |", equal + different + absent);
        let readme = fs::read_to_string(folder("README.md")).unwrap();
        if wrong.is_empty() && std::env::var("APIS").is_err() && !readme.lines().any(|line| line == row) {
            return format!("conformance/README.md lacks the row {row}\n");
        }
        wrong
    }
}

/// Labels by test, each with whether something was covered by it; one that ends with `*` is the begin of labels.
struct List {
    file: String,
    labels: BTreeMap<String, BTreeMap<String, bool>>,
}

impl List {
    fn read(path: PathBuf) -> Self {
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut labels: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
        let text = fs::read_to_string(path).unwrap();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let parts: Vec<&str> = line.splitn(3, " | ").collect();
            let [test, label, reason] = parts[..] else { panic!("no `test | label | reason`: {line}") };
            assert!(reason.len() > 10, "a difference has a reason: {line}");
            labels.entry(test.to_owned()).or_default().insert(label.to_owned(), false);
        }
        Self { file, labels }
    }

    fn covers(&mut self, test: &str, label: &str) -> bool {
        let Some(labels) = self.labels.get_mut(test) else { return false };
        let matches = |listed: &str| match listed.strip_suffix('*') {
            Some(begin) => label.starts_with(begin),
            None => label == listed,
        };
        let Some((_, used)) = labels.iter_mut().find(|(listed, _)| matches(listed)) else { return false };
        *used = true;
        true
    }

    fn unused<'a>(&'a self, test: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let labels = self.labels.get(test).into_iter().flatten();
        labels.filter(|(_, used)| !**used).map(|(label, _)| (label.as_str(), self.file.as_str()))
    }
}

fn lines(text: &str) -> BTreeMap<&str, &str> {
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        let (label, said) = line.split_once(": ").unwrap_or((line, ""));
        assert!(lines.insert(label, said).is_none(), "two lines are called `{label}`");
    }
    lines
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LINE_LEN_SHOWN)]
}
