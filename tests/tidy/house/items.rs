//! What the library defines, tests aside: types, functions with their length, and what is `pub`.

use super::source::Source;
use std::collections::BTreeSet;
use syn::visit::{self, Visit};

/// A struct, enum, union, trait or type alias.
#[derive(Debug, PartialEq)]
pub struct Type {
    pub name: String,
    pub path: String,
    pub line: usize,
}

/// A function with a body.
#[derive(Debug, PartialEq)]
pub struct Function {
    pub name: String,
    pub path: String,
    /// From `fn` to the closing brace.
    pub lines: usize,
}

/// An item that is `pub`, bare.
#[derive(Debug, PartialEq)]
pub struct Public {
    pub name: String,
    pub kind: Kind,
    pub path: String,
    pub line: usize,
    pub module: Vec<String>,
    /// Every word of its signature, for a type those of its public fields: it cannot be used
    /// without these.
    pub needs: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Module,
    /// A function, constant or static of a module.
    Free,
    Type,
    /// A function or constant of this type.
    Associated(String),
}

#[derive(Debug, Default)]
pub struct Items {
    pub types: Vec<Type>,
    pub functions: Vec<Function>,
    pub public: Vec<Public>,
}

/// Everything that the library's files define.
pub fn items(sources: &[Source]) -> Items {
    let mut items = Items::default();
    for source in sources.iter().filter(|source| source.is_of_library()) {
        let mut reader = Reader {
            source,
            module: source.module.clone(),
            of_type: String::new(),
            items: &mut items,
        };
        reader.visit_file(&source.syntax);
    }
    items
}

struct Reader<'a> {
    source: &'a Source,
    module: Vec<String>,
    /// The type whose `impl` we are in.
    of_type: String,
    items: &'a mut Items,
}

impl Reader<'_> {
    fn is_test(&self, name: &syn::Ident) -> bool {
        self.source.is_test(name.span().start().line)
    }

    fn public(
        &mut self,
        visibility: &syn::Visibility,
        name: &syn::Ident,
        kind: Kind,
        needs: Words,
    ) {
        let is_bare = matches!(visibility, syn::Visibility::Public(_));
        if is_bare && !self.is_test(name) {
            self.items.public.push(Public {
                name: name.to_string(),
                kind,
                path: self.source.path.clone(),
                line: name.span().start().line,
                module: self.module.clone(),
                needs: needs.0,
            });
        }
    }

    fn a_type(&mut self, visibility: &syn::Visibility, name: &syn::Ident, needs: Words) {
        if !self.is_test(name) {
            self.items.types.push(Type {
                name: name.to_string(),
                path: self.source.path.clone(),
                line: name.span().start().line,
            });
        }
        self.public(visibility, name, Kind::Type, needs);
    }

    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        if !self.is_test(&signature.ident) {
            let start = signature.fn_token.span.start().line;
            self.items.functions.push(Function {
                name: signature.ident.to_string(),
                path: self.source.path.clone(),
                lines: body.brace_token.span.close().end().line - start + 1,
            });
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.public(&item.vis, &item.ident, Kind::Module, Words::default());
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        let fields =
            item.fields.iter().filter(|field| matches!(field.vis, syn::Visibility::Public(_)));
        let needs = words(|words| fields.for_each(|field| words.visit_field(field)));
        self.a_type(&item.vis, &item.ident, needs);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        let needs =
            words(|words| item.variants.iter().for_each(|variant| words.visit_variant(variant)));
        self.a_type(&item.vis, &item.ident, needs);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.a_type(&item.vis, &item.ident, words(|words| words.visit_fields_named(&item.fields)));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.a_type(&item.vis, &item.ident, words(|words| words.visit_item_trait(item)));
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.a_type(&item.vis, &item.ident, words(|words| words.visit_type(&item.ty)));
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.public(&item.vis, &item.ident, Kind::Free, words(|words| words.visit_type(&item.ty)));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.public(&item.vis, &item.ident, Kind::Free, words(|words| words.visit_type(&item.ty)));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let needs = words(|words| words.visit_signature(&item.sig));
        self.public(&item.vis, &item.sig.ident, Kind::Free, needs);
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.of_type = match &*item.self_ty {
            syn::Type::Path(path) => {
                path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
            }
            _ => String::new(),
        };
        visit::visit_item_impl(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let needs = words(|words| words.visit_signature(&item.sig));
        self.public(&item.vis, &item.sig.ident, Kind::Associated(self.of_type.clone()), needs);
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        let needs = words(|words| words.visit_type(&item.ty));
        self.public(&item.vis, &item.ident, Kind::Associated(self.of_type.clone()), needs);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// The words of a piece of syntax; bodies of functions are passed over.
#[derive(Default)]
struct Words(BTreeSet<String>);

fn words(read: impl FnOnce(&mut Words)) -> Words {
    let mut words = Words::default();
    read(&mut words);
    words
}

impl<'ast> Visit<'ast> for Words {
    fn visit_ident(&mut self, word: &'ast syn::Ident) {
        self.0.insert(word.to_string());
    }

    fn visit_block(&mut self, _: &'ast syn::Block) {}

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_functions_and_what_is_public_are_found_and_tests_are_not() {
        let text = "pub struct A { pub b: B, c: C }\nenum D { E(F) }\npub(crate) trait G { type H; \
                    fn i() {\n} }\n\
                    impl A { pub fn j(k: L) -> M {\n let n = N;\n} pub const O: P = 1; fn q() {} \
                    }\npub mod r { pub type S = T; pub(super) const U: V = 1; }\n\
                    #[cfg(test)]\nmod tests { pub struct W; pub fn x() {} }\n";
        let found = items(&[Source::new("src/a/b.rs", text).unwrap()]);
        let types: Vec<_> = found.types.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(types, ["A", "D", "G", "S"]);
        let functions: Vec<_> =
            found.functions.iter().map(|found| (found.name.as_str(), found.lines)).collect();
        assert_eq!(functions, [("i", 2), ("j", 3), ("q", 1)]);
        let public = found.public.iter().map(|found| {
            let needs: Vec<&str> = found.needs.iter().map(String::as_str).collect();
            format!(
                "{}::{} {:?} {}",
                found.module.join("::"),
                found.name,
                found.kind,
                needs.join(" ")
            )
        });
        assert_eq!(
            public.collect::<Vec<_>>(),
            [
                "a::b::A Type B b",
                "a::b::j Associated(\"A\") L M j k",
                "a::b::O Associated(\"A\") P",
                "a::b::r Module ",
                "a::b::r::S Type T",
            ]
        );
    }
}
