//! Who imports whom, so that a problem can say how a file came into the bundle.

use std::collections::{HashMap, VecDeque};

/// The imports seen so far, by the ids of modules.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    imports: HashMap<String, Vec<String>>,
}

impl Graph {
    /// How many modules are known.
    pub(crate) fn len(&self) -> usize {
        self.imports.len()
    }

    /// Records what `importer` imports.
    pub(crate) fn add(&mut self, importer: &str, imported: Vec<String>) {
        self.imports.insert(importer.to_owned(), imported);
    }

    /// The shortest way from `entry` to `module`, both included; empty if none is known.
    pub(crate) fn chain(&self, entry: &str, module: &str) -> Vec<&str> {
        let Some((entry, _)) = self.imports.get_key_value(entry) else { return Vec::new() };
        let mut importers: HashMap<&str, Option<&str>> = HashMap::from([(entry.as_str(), None)]);
        let mut queue = VecDeque::from([entry.as_str()]);
        while let Some(importer) = queue.pop_front() {
            if importer == module {
                let mut chain: Vec<_> = std::iter::successors(Some(importer), |at| importers[at]).collect();
                chain.reverse();
                return chain;
            }
            for imported in self.imports.get(importer).into_iter().flatten() {
                importers.entry(imported).or_insert_with(|| {
                    queue.push_back(imported);
                    Some(importer)
                });
            }
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Graph;

    #[test]
    fn the_shortest_chain_is_found() {
        let mut graph = Graph::default();
        let ids = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
        graph.add("entry", ids(&["a", "c"]));
        graph.add("a", ids(&["b", "entry"]));
        graph.add("b", ids(&["c"]));
        assert_eq!(graph.chain("entry", "c"), ["entry", "c"]);
        assert_eq!(graph.chain("entry", "b"), ["entry", "a", "b"]);
        assert_eq!(graph.chain("entry", "entry"), ["entry"]);
        assert_eq!(graph.chain("entry", "nowhere"), [""; 0]);
        assert_eq!(graph.chain("nowhere", "b"), [""; 0]);
    }
}
