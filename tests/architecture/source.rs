//! Sources as the rules see them: which file names items of which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One file without its comments and tests.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// `["http", "login"]`; `["lib"]` and `["main"]` for the roots.
    module: Vec<String>,
    code: String,
}

impl Source {
    /// Every file below `root`.
    pub(super) fn all(root: &Path) -> Vec<Self> {
        let mut files = Vec::new();
        gather(root, &mut files);
        let mut all: Vec<Self> = files.iter().map(|file| Self::read(root, file)).collect();
        // A module that is declared for tests only, and all below it.
        let for_tests: BTreeSet<Vec<String>> = all
            .iter()
            .zip(&files)
            .flat_map(|(source, file)| {
                let declared = test_modules(&fs::read_to_string(file).unwrap());
                declared.into_iter().map(|name| source.child(&name))
            })
            .collect();
        all.retain(|source| {
            let mut above = (1..=source.module.len()).map(|parts| &source.module[..parts]);
            !above.any(|module| for_tests.contains(module))
        });
        assert!(all.len() > 3, "{} has {} files", root.display(), all.len());
        all
    }

    fn read(root: &Path, file: &Path) -> Self {
        let inside = file.strip_prefix(root).unwrap().with_extension("");
        let module = inside.iter().map(|part| part.to_str().unwrap());
        let text = fs::read_to_string(file).unwrap();
        let module: Vec<&str> = module.collect();
        Self::new(&module, &text)
    }

    pub(super) fn new(module: &[&str], text: &str) -> Self {
        let code = without_tests(text).replace("pub(in crate::", "pub(");
        let lines = code.lines().map(|line| line.split("//").next().unwrap());
        Self {
            module: module.iter().map(|part| (*part).to_owned()).collect(),
            code: lines.collect::<Vec<_>>().join("\n"),
        }
    }

    pub(super) fn name(&self) -> String {
        self.module.join("::")
    }

    pub(super) fn top(&self) -> &str {
        &self.module[0]
    }

    /// Whether it is `place` or below it; all are below the empty one.
    pub(super) fn is_in(&self, place: &str) -> bool {
        let rest = self.name();
        let rest = rest.strip_prefix(place);
        rest.is_some_and(|rest| place.is_empty() || rest.is_empty() || rest.starts_with("::"))
    }

    /// Whether `word` stands in the code, not as the end of a longer one. A function's, which ends
    /// in `(`, may be the end of a longer path; any other is how a path begins, also one that is
    /// written in a `use` group.
    pub(super) fn says(&self, word: &str) -> bool {
        let begins = |path: &Vec<String>| (path.join("::") + "::").starts_with(word);
        self.paths().iter().any(begins)
            || self.code.match_indices(word).any(|(at, _)| {
                let before = self.code[..at].chars().next_back();
                let is_inside_path = before == Some(':') && !word.ends_with('(');
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || is_inside_path)
                    || self.code[..at].ends_with(" ::")
            })
    }

    /// As it is named after `crate::`.
    fn path(&self) -> &[String] {
        let is_root = ["lib", "main"].contains(&self.top());
        if is_root { &[] } else { &self.module }
    }

    fn child(&self, name: &str) -> Vec<String> {
        [self.path(), &[name.to_owned()]].concat()
    }

    /// The files whose items this one names.
    pub(super) fn imports<'a>(&self, sources: &'a [Self]) -> Vec<&'a Self> {
        let here = self.path();
        let mut imports: Vec<&Self> = self
            .paths()
            .into_iter()
            .filter_map(|path| {
                let mut path = path.as_slice();
                let mut from = here;
                match path.first()?.as_str() {
                    "crate" => (from, path) = (&[], &path[1..]),
                    "super" => {
                        while path.first().is_some_and(|part| part == "super") {
                            from = from.split_last().map_or(from, |(_, rest)| rest);
                            path = &path[1..];
                        }
                    }
                    // A child of this module, or another crate.
                    child => {
                        let child = self.child(child);
                        sources.iter().find(|source| source.module == child)?;
                    }
                }
                Self::holding([from, path].concat(), sources)
            })
            .filter(|import| *import != self)
            .collect();
        imports.sort_by_key(|import| import.name());
        imports.dedup();
        imports
    }

    /// The file that holds the item at `path`.
    fn holding(mut path: Vec<String>, sources: &[Self]) -> Option<&Self> {
        while !path.is_empty() {
            if let Some(found) = sources.iter().find(|source| source.module == path) {
                return Some(found);
            }
            path.pop();
        }
        sources.iter().find(|source| source.module == ["lib"])
    }

    /// Every path in the code, `use` groups taken apart; what a module re-exports is not
    /// something that it needs.
    fn paths(&self) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        let mut rest = self.code.as_str();
        let mut plain = String::new();
        while let Some(at) = rest.find("use ") {
            let word = rest[..at]
                .chars()
                .next_back()
                .is_none_or(|c| c.is_whitespace());
            let end = rest[at..].find(';').map_or(rest.len(), |end| at + end + 1);
            if !word {
                plain.push_str(&rest[..at + 4]);
                rest = &rest[at + 4..];
                continue;
            }
            plain.push_str(&rest[..at]);
            let line_start = rest[..at].rfind('\n').map_or(0, |newline| newline + 1);
            if !rest[line_start..at].trim_start().starts_with("pub") {
                expand(&rest[at + 4..end.saturating_sub(1)], &[], &mut paths);
            }
            rest = &rest[end..];
        }
        plain.push_str(rest);
        let in_a_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for word in plain.split(|c: char| !in_a_path(c)) {
            if word.contains("::") && !word.starts_with(':') {
                paths.push(segments(word));
            }
        }
        paths
    }
}

/// Drops what `#[cfg(test)]` stands before: a line, or all up to the brace that closes it. It is
/// found by its indentation, so braces in a test's texts do not matter.
fn without_tests(text: &str) -> String {
    let mut code = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let Some(item) = line[indent..].strip_prefix(FOR_TESTS) else {
            code.push(line);
            continue;
        };
        let ends = |line: &str| line.ends_with([';', ',', '}']);
        if !ends(item) {
            let _rest = lines.find(|line| {
                let is_beside = line.len() - line.trim_start().len() == indent;
                is_beside && ends(line)
            });
        }
    }
    code.join("\n")
}

const FOR_TESTS: &str = "#[cfg(test)]";

fn segments(path: &str) -> Vec<String> {
    let parts = path.split("::").map(str::trim);
    parts
        .filter(|part| !part.is_empty() && *part != "self")
        .map(|part| part.split(' ').next().unwrap().to_owned())
        .collect()
}

/// Takes `a::{b, c::{d, e}}` apart.
fn expand(tree: &str, prefix: &[String], paths: &mut Vec<Vec<String>>) {
    let Some((before, group)) = tree.split_once('{') else {
        let path = [prefix, &segments(tree)].concat();
        paths.push(path);
        return;
    };
    let prefix = [prefix, &segments(before)].concat();
    let group = group.rsplit_once('}').map_or(group, |(inside, _)| inside);
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in group.char_indices().chain([(group.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = group[start..at].trim();
                if !item.is_empty() {
                    expand(item, &prefix, paths);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The modules that a file declares for tests only.
fn test_modules(text: &str) -> Vec<String> {
    let declared = text.split(FOR_TESTS).skip(1);
    declared
        .filter_map(|after| {
            let line = after.trim_start().lines().next()?;
            let name = line.split("mod ").nth(1)?.strip_suffix(';')?;
            Some(name.to_owned())
        })
        .collect()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
}

/// Each circle of files, once.
pub(super) fn circles(sources: &[Source]) -> Vec<String> {
    let graph: BTreeMap<String, BTreeSet<String>> = sources
        .iter()
        .filter(|source| !["lib", "main"].contains(&source.top()))
        .map(|source| {
            let imports = source.imports(sources);
            (source.name(), imports.iter().map(|i| i.name()).collect())
        })
        .collect();
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = graph[from].iter().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next.clone()) {
                open.extend(graph.get(next).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        graph.keys().map(|name| (name, reach(name))).collect();
    let circles: BTreeSet<Vec<&String>> = reached
        .iter()
        .filter(|(name, seen)| seen.contains(**name))
        .map(|(name, seen)| {
            let back =
                |other: &&&String| seen.contains(**other) && reached[**other].contains(*name);
            reached.keys().filter(back).copied().collect()
        })
        .collect();
    let arrows = |circle: &Vec<&String>| {
        let arrows = circle.iter().flat_map(|from| {
            let to = graph[*from].iter().filter(|to| circle.contains(to));
            to.map(move |to| format!("{from} -> {to}"))
        });
        format!("a circle: {}", arrows.collect::<Vec<_>>().join(", "))
    };
    circles.iter().map(arrows).collect()
}
