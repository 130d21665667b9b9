//! Writes every hostile plugin as a component file, to be tried by hand.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let directory =
        env::args_os().nth(1).map(PathBuf::from).ok_or_else(|| io::Error::other("usage: hostile-plugins DIRECTORY"))?;
    fs::create_dir_all(&directory)?;
    for fixture in hostile_plugins::ALL {
        fs::write(directory.join(format!("{}.wasm", fixture.name)), hostile_plugins::component(fixture.name))?;
        println!("{:22} {}", fixture.name, fixture.about);
    }
    Ok(())
}
