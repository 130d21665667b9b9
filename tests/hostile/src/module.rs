//! A plugin as a core module in WebAssembly text, made into a component with the project's own WIT. Pure.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::image::Image;

const WIT: &str = include_str!("../../../wit/render.wit");
const WASI: &str = include_str!("wasi.wit");

/// What a plugin is made of; `Default` is a plugin that does nothing but trap.
pub struct Module {
    /// The name it gives itself.
    pub name: &'static str,
    /// The kinds that it says it returns, as `apiVersion` and `kind`.
    pub kinds: Vec<[String; 2]>,
    /// The JSON Schema of its parameters.
    pub schema: Option<&'static str>,
    /// Its static data.
    pub image: Image,
    /// Pages of memory at the start.
    pub pages: u32,
    /// What it imports besides the log: interfaces of `wasi.wit`, as the WIT names them.
    pub imports: &'static [&'static str],
    /// WAT: further fields of the module, imports first.
    pub fields: &'static str,
    /// WAT: instructions of `describe`, before it answers.
    pub describe: &'static str,
    /// WAT: instructions of `render`, which leave the address of the answer.
    pub render: String,
    /// Changes to the WIT that it is built against, as pairs of old and new text.
    pub wit: &'static [(&'static str, &'static str)],
}

/// What every plugin may return.
const USUAL_KINDS: [[&str; 2]; 3] =
    [["apps/v1", "Deployment"], ["v1", "Service"], ["networking.k8s.io/v1", "NetworkPolicy"]];

impl Default for Module {
    fn default() -> Self {
        Self {
            name: "hostile",
            kinds: USUAL_KINDS.map(|kind| kind.map(str::to_owned)).to_vec(),
            schema: None,
            image: Image::new(),
            pages: 2,
            imports: &[],
            fields: "",
            describe: "",
            render: "unreachable".to_owned(),
            wit: &[],
        }
    }
}

impl Module {
    /// The component.
    pub fn component(self) -> Vec<u8> {
        let wit = self.contract();
        let module = self.encode(&wit);
        let mut encoder = ComponentEncoder::default();
        encoder.validate(true).module(&module).expect("the module fits its world");
        encoder.encode().expect("the module becomes a component")
    }

    /// The WIT that this plugin is built against.
    fn contract(&self) -> String {
        let imports = self.imports.iter().fold("import log;".to_owned(), |all, import| all + " import " + import + ";");
        let wit = WIT.replace("import log;", &imports) + WASI;
        self.wit.iter().fold(wit, |wit, (old, new)| {
            assert!(wit.contains(old), "wit/render.wit no longer has {old:?}");
            wit.replace(old, new)
        })
    }

    fn encode(mut self, wit: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("render.wit", wit).expect("the WIT is valid");
        let world = resolve.select_world(&[package], Some("plugin")).expect("the WIT has the world");
        let info = self.image.plugin_info(self.name, &self.kinds, self.schema);
        let last_words = self.image.text("these are my last words");
        let version = if wit.contains("mcp:render@0.1.0;") { "0.1.0" } else { "0.3.0" };
        let text = self.to_wat(version, info, last_words);
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
            .expect("the metadata can be embedded");
        module
    }

    fn to_wat(&self, version: &str, info: u32, [words, length]: [u32; 2]) -> String {
        let Self { pages, fields, describe, render, .. } = self;
        let (base, data) = (Image::BASE, self.image.to_wat());
        format!(
            r#"(module
  (import "mcp:render/log@{version}" "emit" (func $emit (param i32 i32 i32)))
  {fields}
  (memory (export "memory") {pages})
  (global $heap (mut i32) (i32.const {heap}))
  (data (i32.const {base}) "{data}")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
    (global.set $heap (i32.add (local.get $at) (local.get 3)))
    (if (i32.gt_u (global.get $heap) (i32.shl (memory.size) (i32.const 16)))
      (then (drop (memory.grow (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1))))))
    (local.get $at))
  (func (export "mcp:render/info@{version}#describe") (result i32)
    {describe}
    (i32.const {info}))
  (func $render (export "mcp:render/renderer@{version}#render") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $i i32) (local $at i32) (local $end i32) (local $depth i32) (local $byte i32)
    (call $emit (i32.const 3) (i32.const {words}) (i32.const {length}))
    {render}))"#,
            heap = self.image.end(),
        )
    }
}
