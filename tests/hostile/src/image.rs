//! Lays out a plugin's static answer in memory as the component model's canonical ABI wants it. Pure.

/// The initial content of a plugin's memory.
pub struct Image {
    bytes: Vec<u8>,
}

impl Image {
    /// Where the content begins.
    pub const BASE: u32 = 1024;

    /// Empty memory.
    pub fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// The first address after the content.
    pub fn end(&self) -> u32 {
        Self::BASE + u32::try_from(self.bytes.len()).expect("an image is small")
    }

    /// The content as a WAT data string.
    pub fn to_wat(&self) -> String {
        let spelt = self.bytes.iter().map(|&byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\{byte:02x}"),
        });
        spelt.collect()
    }

    /// A string or a list of bytes: address and length.
    pub fn text(&mut self, text: impl AsRef<[u8]>) -> [u32; 2] {
        let start = self.end();
        self.bytes.extend_from_slice(text.as_ref());
        [start, self.end() - start]
    }

    /// Words at an aligned address.
    pub fn words(&mut self, words: &[u32]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let start = self.end();
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        start
    }

    /// A list of records, each given by its words: address and length.
    pub fn list<const N: usize>(&mut self, items: &[[u32; N]]) -> [u32; 2] {
        let count = u32::try_from(items.len()).expect("a list is short");
        [self.words(items.as_flattened()), count]
    }

    /// `plugin-info` with this name, these kinds, as `apiVersion` and `kind`, and this schema of parameters.
    pub fn plugin_info(&mut self, name: &str, kinds: &[[String; 2]], schema: Option<&str>) -> u32 {
        let texts = [name, "1.0.0", "A plugin for tests."].map(|text| self.text(text));
        let kinds: Vec<_> = kinds.iter().map(|kind| flat(kind.each_ref().map(|text| self.text(text)))).collect();
        let emits = self.list(&kinds);
        let [schema, length] = schema.map(|schema| self.text(schema)).unwrap_or_default();
        self.words(
            [texts[0], texts[1], texts[2], emits, [0, 0], [u32::from(length > 0), schema], [length, 0]].as_flattened(),
        )
    }

    /// The answer `ok` with these objects and no diagnostics.
    pub fn response<S: AsRef<[u8]>, O: AsRef<[u8]>>(&mut self, objects: &[(S, O)]) -> u32 {
        let objects: Vec<_> = objects.iter().map(|(slot, object)| flat([self.text(slot), self.text(object)])).collect();
        let [address, length] = self.list(&objects);
        self.words(&[0, address, length, 0, 0])
    }

    /// The answer `invalid` with one diagnostic of this severity (0 info, 1 warning, 2 error).
    pub fn refusal(&mut self, severity: u32, code: &str, message: &str, path: &str) -> u32 {
        let ([c, c_len], [m, m_len], [p, p_len]) = (self.text(code), self.text(message), self.text(path));
        let [address, length] = self.list(&[[severity, c, c_len, m, m_len, 1, p, p_len, 0, 0, 0]]);
        self.words(&[1, 0, address, length])
    }

    /// The answer `unsupported` (1) or `internal` (2).
    pub fn failure(&mut self, case: u32, message: &str) -> u32 {
        let [address, length] = self.text(message);
        self.words(&[1, case, address, length])
    }
}

fn flat([[a, b], [c, d]]: [[u32; 2]; 2]) -> [u32; 4] {
    [a, b, c, d]
}
