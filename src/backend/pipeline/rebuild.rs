//! An engine as it was at its last commit: snapshot and the inputs since.

use crate::{
    engine::{Engine, EngineConfig, Input, InputBlock},
    store::{StoreError, StoreReader, WardRecord},
};

/// Builds the engine of a ward from what the store keeps.
///
/// If there is no usable snapshot (it was made by another version), all kept inputs are taken from the first on. That
/// is complete only while no input was expired, which never happens before a snapshot.
pub(super) fn rebuild(
    config: &EngineConfig,
    reader: &dyn StoreReader,
    record: &WardRecord,
) -> Result<Engine, StoreError> {
    let (mut engine, after) = match &record.snapshot {
        None => (Engine::new(config.clone()), 0),
        Some((input_no, bytes)) => {
            let engine = Engine::restore(config.clone(), bytes)
                .map_err(|e| StoreError::Corrupt { what: "the engine's snapshot", why: e.to_string() })?;
            (engine, *input_no)
        }
    };
    for (no, bytes) in reader.input_blocks(&record.ward.id, after)? {
        let inputs = InputBlock::decode(&bytes).and_then(InputBlock::inputs);
        let inputs = inputs.map_err(|e| StoreError::Corrupt { what: "inputs", why: format!("block {no}: {e}") })?;
        for (at, input) in inputs {
            engine.handle(input, at);
        }
    }
    // Timers that fired before the stop have fired: their events are in the journal.
    engine.handle(Input::Tick, record.engine_now);
    Ok(engine)
}
