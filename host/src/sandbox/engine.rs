//! The wasmtime engine: how components are compiled, and how instances are allocated.

use anyhow::Context as _;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::limits::{CORE_INSTANCES, MEMORIES, TABLE_ELEMENTS, TABLES};

/// An engine with room for `places` instances at a time: from a pool if the address space for it can be had, otherwise
/// one by one, which is slower and no less safe.
pub(super) fn new(places: usize) -> anyhow::Result<Engine> {
    let places = u32::try_from(places).context("the concurrency of the sandbox is not a sensible number")?;
    match Engine::new(config().allocation_strategy(InstanceAllocationStrategy::Pooling(pool(places)))) {
        Ok(engine) => Ok(engine),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(
                places,
                error,
                "no pool for plugin instances could be reserved; rendering is slower without"
            );
            on_demand()
        }
    }
}

/// An engine that allocates each instance when it is needed, and that reserves little: the usual 4 GiB of address space
/// for each memory save bounds checks, but whoever has no room for a pool has none for these either.
pub(super) fn on_demand() -> anyhow::Result<Engine> {
    let mut config = config();
    config.memory_reservation(64 << 20).memory_guard_size(64 << 10).memory_reservation_for_growth(16 << 20);
    Engine::new(&config).map_err(anyhow::Error::msg).context("the WebAssembly engine cannot start on this machine")
}

/// An engine that counts what plugins execute, for the authors' tool: the count costs a third of the speed, so the
/// operator's engine does without.
pub(super) fn counting() -> anyhow::Result<Engine> {
    Engine::new(config().consume_fuel(true))
        .map_err(anyhow::Error::msg)
        .context("the WebAssembly engine cannot start on this machine")
}

/// An engine that only compiles, for engines with a pool: it reserves none itself.
pub(super) fn for_pool() -> anyhow::Result<Engine> {
    Engine::new(&config()).map_err(anyhow::Error::msg).context("the WebAssembly engine cannot start on this machine")
}

/// What decides compiled code and its behaviour. The same component must give the same bytes on every machine.
fn config() -> Config {
    let mut config = Config::new();
    config
        .native_unwind_info(false) // nobody unwinds through a plugin: wasmtime walks frame pointers
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .max_wasm_stack(512 << 10);
    config
}

fn pool(places: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    // The first pages of a used slot are wiped by hand: cheaper than asking the kernel, above all with several threads. A slot
    // keeps no more than the plugin in it has: 0.3 MiB the default one, 1.3 one in JavaScript, 4.5 in Go, 12.4 in Python. With
    // 2 MiB for all, those in Go take nearly twice as long, and those in Python more than twice. Asking the kernel which pages
    // were written (`pagemap_scan`) loads Python in a third of the time and renders in twice the time: wasmtime 48 asks for 32
    // runs of pages and gives the others back.
    pool.linear_memory_keep_resident(16 << 20).table_keep_resident(64 << 10);
    pool.total_component_instances(places)
        .total_core_instances(places.saturating_mul(CORE_INSTANCES))
        .total_memories(places.saturating_mul(MEMORIES))
        .total_tables(places.saturating_mul(TABLES))
        // A component with too many parts is refused by name in `plugin.rs`, not by the pool.
        .max_memories_per_module(100)
        .max_tables_per_module(100)
        .table_elements(TABLE_ELEMENTS)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20);
    pool
}
