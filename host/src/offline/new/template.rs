//! The templates, each a whole project: its own files and those that all have. Pure.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// A language that a plugin can be begun in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript.
    #[value(name = "js")]
    JavaScript,
    /// TypeScript.
    #[value(name = "ts")]
    TypeScript,
    /// Python.
    Python,
    /// Go.
    Go,
}

/// A file by its path in the project.
type File = (&'static str, &'static str);

/// Files below a folder, seen from this one. A macro, because the compiler reads them.
macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!($folder, "/", $name)))),*]
    };
}

const COMMON: &[File] = files!["templates/common":
    ".github/workflows/ci.yaml",
    "README.md",
    "cases/a-class-that-is-not-offered-is-refused/diagnostics.yaml",
    "cases/a-class-that-is-not-offered-is-refused/server.yaml",
    "cases/a-server-gets-the-usual-class/expected.yaml",
    "cases/a-server-gets-the-usual-class/server.yaml",
    "cases/its-label-chooses-another-class/expected.yaml",
    "cases/its-label-chooses-another-class/parameters.yaml",
    "cases/its-label-chooses-another-class/server.yaml",
];
const SCHEMA: &[File] = files!["templates/common": "parameters.schema.json"];
const INTERFACE: &[File] = files!["../../../..": "wit/render.wit"];

const RUST: &[File] = files!["templates/rust":
    ".gitignore", "Cargo.toml", "src/lib.rs", "vendor/mcp-render-plugin/Cargo.toml",
];
/// How its code is laid out, and that of the crate below.
const LAYOUT: &[File] = files!["../../../..": "rustfmt.toml"];
/// The crate that plugins in Rust depend on, and that is nowhere to be had yet: so it comes along.
const CRATE: &[File] = files!["../../../../plugins/rust":
    "src/component.rs", "src/fields.rs", "src/finding.rs", "src/lib.rs", "src/log.rs", "src/objects.rs", "src/plugin.rs",
    "src/request.rs",
];
const VENDORED: &str = "vendor/mcp-render-plugin";
const JAVASCRIPT: &[File] = files!["templates/js":
    ".gitignore", "package.json", "parameters.schema.js", "plugin.js", "plugin.test.js", "priority.js",
];
const TYPESCRIPT: &[File] = files!["templates/ts":
    ".gitignore", "package.json", "src/plugin.test.ts", "src/plugin.ts", "src/priority.ts", "src/schema.ts", "src/wit.ts",
    "tsconfig.json",
];
const PYTHON: &[File] = files!["templates/python":
    ".gitignore", "plugin.py", "priority.py", "requirements.txt", "test_priority.py",
];
const GO: &[File] = files!["templates/go":
    ".gitignore", "go.mod", "main.go", "priority/priority.go", "priority/priority_test.go",
];

/// What the common files say of one language.
struct Words {
    /// What has to be installed.
    needs: &'static str,
    /// How the unit tests are run.
    unit_tests: &'static str,
    /// The file with the policy.
    source: &'static str,
    /// The steps that install the language in CI, in YAML.
    setup: &'static str,
}

const NODE: &str = "- uses: actions/setup-node@v4\n        with: { node-version: 22 }";

impl Language {
    fn words(self) -> Words {
        match self {
            Self::Rust => Words {
                needs: "Rust 1.95 or newer with a target for WebAssembly (`rustup target add wasm32-unknown-unknown`)",
                unit_tests: "cargo test",
                source: "src/lib.rs",
                setup: "- run: rustup update stable",
            },
            Self::JavaScript => {
                Words { needs: "Node.js 18 or newer", unit_tests: "npm test", source: "priority.js", setup: NODE }
            }
            Self::TypeScript => {
                Words { needs: "Node.js 18 or newer", unit_tests: "npm test", source: "src/priority.ts", setup: NODE }
            }
            Self::Python => Words {
                needs: "Python 3.10 or newer",
                unit_tests: "python3 -m unittest",
                source: "priority.py",
                setup: "- uses: actions/setup-python@v5\n        with: { python-version: \"3.13\" }",
            },
            Self::Go => Words {
                needs: "Go 1.26 or newer",
                unit_tests: "go test ./...",
                source: "priority/priority.go",
                setup: "- uses: actions/setup-go@v5\n        with: { go-version-file: go.mod }",
            },
        }
    }

    /// The files of the project, by path.
    pub(super) fn files(self) -> Vec<(String, String)> {
        let own = match self {
            Self::Rust => &[RUST, LAYOUT, SCHEMA, INTERFACE][..],
            Self::JavaScript => &[JAVASCRIPT, INTERFACE],
            Self::TypeScript => &[TYPESCRIPT, INTERFACE],
            Self::Python => &[PYTHON, SCHEMA],
            Self::Go => &[GO, SCHEMA],
        };
        let own = own.iter().copied().flatten().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let common = COMMON.iter().map(|(path, text)| ((*path).to_owned(), self.worded(text)));
        let mut files: Vec<_> = own.chain(common).collect();
        if self == Self::Rust {
            files.extend(CRATE.iter().map(|(path, text)| (format!("{VENDORED}/{path}"), (*text).to_owned())));
        }
        files.sort();
        files
    }

    fn worded(self, text: &str) -> String {
        let Words { needs, unit_tests, source, setup } = self.words();
        // In the README, comments stand in a column.
        text.replace("\nUNIT-TESTS\n", &format!("\n{unit_tests:<76}# its unit tests\n"))
            .replace("UNIT-TESTS", unit_tests)
            .replace("NEEDS", needs)
            .replace("`SOURCE`", &format!("`{source}`"))
            .replace("# SETUP", setup)
            .replace("mcp-render-VERSION", concat!("mcp-render-", env!("CARGO_PKG_VERSION")))
            .replace("--git REPOSITORY", concat!("--git ", env!("CARGO_PKG_REPOSITORY")))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
