//! What each file of `src` names of this crate, read from the code itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};

/// A module by its path below the crate: `["log", "kafka"]`.
pub type Module = Vec<String>;

/// The modules of this crate that are files of their own.
pub struct Sources {
    /// By module: its file, relative to `src`.
    files: BTreeMap<Module, String>,
    /// By folder: the names that its `mod.rs` passes on, and where each is from.
    passed_on: BTreeMap<Module, BTreeMap<String, Module>>,
    /// By file: what it names.
    named: BTreeMap<String, BTreeSet<Module>>,
}

impl Sources {
    pub fn read(root: &Path) -> Self {
        let mut sources = Self { files: BTreeMap::new(), passed_on: BTreeMap::new(), named: BTreeMap::new() };
        let mut parsed = Vec::new();
        for file in files_below(root, "") {
            let text = fs::read_to_string(root.join(&file)).expect("the file can be read");
            let code = syn::parse_file(&text).unwrap_or_else(|error| panic!("src/{file}: {error}"));
            let module = module_of(&file);
            sources.files.insert(module.clone(), file.clone());
            parsed.push((file, module, code));
        }
        for (file, module, code) in parsed {
            let mut paths = Paths { is_folder: file.ends_with("mod.rs") || file == "lib.rs", ..Paths::of(&module) };
            paths.visit_file(&code);
            sources.named.insert(file, paths.named);
            sources.passed_on.insert(module, paths.passed_on);
        }
        sources
    }

    /// The file that a path leads to; `None` where the path is not one of this crate.
    fn file_of(&self, path: &[String]) -> Option<&str> {
        let mut path = path.to_vec();
        // A name that is passed on is looked up where it is from; it may be passed on again there.
        for _ in 0..8 {
            let known = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
            let (module, rest) = path.split_at(known);
            let from = rest.first().and_then(|name| self.passed_on[module].get(name));
            match from {
                Some(from) => path = from.iter().chain(&rest[1..]).cloned().collect(),
                None => return Some(&self.files[module]),
            }
        }
        panic!("{path:?} is passed on in a circle")
    }

    /// Which other files each file uses.
    pub fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let used = |(file, named): (&'_ String, &BTreeSet<Module>)| -> BTreeSet<&str> {
            named.iter().filter_map(|path| self.file_of(path)).filter(|used| used != file).collect()
        };
        self.named.iter().map(|entry| (entry.0.as_str(), used(entry))).collect()
    }
}

/// Files below a folder, relative to `src`; tests in files of their own stand outside of the order.
fn files_below(root: &Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder)).expect("the folder can be listed") {
        let entry = entry.expect("it is listed");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if entry.path().is_dir() {
            found.extend(files_below(root, &path));
        } else if path.ends_with(".rs") && !path.ends_with("_tests.rs") {
            found.push(path);
        }
    }
    found
}

fn module_of(file: &str) -> Module {
    let module: Module = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    match module.split_last() {
        Some((last, folder)) if last == "mod" => folder.to_vec(),
        Some((last, [])) if last == "lib" => Vec::new(),
        _ => module,
    }
}

/// What one file names.
#[derive(Default)]
pub struct Paths {
    module: Module,
    is_folder: bool,
    pub named: BTreeSet<Module>,
    passed_on: BTreeMap<String, Module>,
}

impl Paths {
    pub fn of(module: &Module) -> Self {
        Self { module: module.clone(), ..Self::default() }
    }

    /// The path from the crate down; `None` for one of another crate.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let first = path.first()?.as_str();
        let (mut base, mut rest) = match first {
            "crate" => (Vec::new(), &path[1..]),
            "self" => (self.module.clone(), &path[1..]),
            "super" => (self.module.clone(), path),
            // A folder's own children need no `self::`.
            _ if self.is_folder => return Some(self.module.iter().chain(path).cloned().collect()),
            _ => return None,
        };
        while rest.first().is_some_and(|name| name == "super") {
            base.pop();
            rest = &rest[1..];
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn uses(&mut self, tree: &syn::UseTree, before: &[String], pass_on: bool) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        let found = |paths: &mut Self, path: &[String], name: String| {
            let Some(path) = paths.absolute(path) else { return };
            if pass_on {
                paths.passed_on.insert(name, path);
            } else {
                paths.named.insert(path);
            }
        };
        match tree {
            syn::UseTree::Path(path) => self.uses(&path.tree, &with(&path.ident), pass_on),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.uses(tree, before, pass_on)),
            syn::UseTree::Name(name) if name.ident == "self" => found(self, before, String::new()),
            syn::UseTree::Name(name) => found(self, &with(&name.ident), name.ident.to_string()),
            syn::UseTree::Rename(rename) => found(self, &with(&rename.ident), rename.rename.to_string()),
            syn::UseTree::Glob(_) => found(self, before, String::new()),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_public = !matches!(item.vis, syn::Visibility::Inherited);
        self.uses(&item.tree, &[], self.is_folder && is_public);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1
            && ["crate", "self", "super"].contains(&names[0].as_str())
            && let Some(path) = self.absolute(&names)
        {
            self.named.insert(path);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = item.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
        });
        if is_test {
            return;
        }
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }
}
