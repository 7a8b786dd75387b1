//! An engine as it was at its last commit: snapshot and the inputs since.

use crate::{
    engine::{Engine, EngineConfig, Input, InputBlock},
    store::{StoreError, StoreReader, WardRecord},
};

/// Builds the engine of a ward from what the store keeps.
///
/// Without a snapshot all kept inputs are taken from the first on; inputs expire only behind a snapshot. What this program
/// cannot read or judge stops the start: a ward without its alerts would look calm.
///
/// # Errors
/// If something stored cannot be read or judged.
pub fn rebuild(config: &EngineConfig, reader: &dyn StoreReader, record: &WardRecord) -> Result<Engine, StoreError> {
    let (mut engine, after) = match &record.snapshot {
        None => (Engine::new(config.clone()), 0),
        Some((input_no, bytes)) => {
            let engine = Engine::restore(config.clone(), bytes)
                .map_err(|e| StoreError::Corrupt { what: "the engine's snapshot", why: e.to_string() })?;
            (engine, *input_no)
        }
    };
    for (no, bytes) in reader.input_blocks(&record.ward.id, after)? {
        let corrupt = |why: String| StoreError::Corrupt { what: "inputs", why: format!("block {no}: {why}") };
        let block = InputBlock::decode(&bytes).map_err(|e| corrupt(e.to_string()))?;
        if let Some(unknown) = block.vitals().find(|vital| config.vitals.get(*vital).is_none()) {
            let why = format!("it speaks of the vital {unknown}, which this configuration does not define");
            return Err(corrupt(why));
        }
        let inputs = block.inputs().map_err(|e| corrupt(e.to_string()))?;
        for (at, input) in inputs {
            engine.handle(input, at);
        }
    }
    // Timers that fired before the stop have fired: their events are in the journal.
    engine.handle(Input::Tick, record.engine_now);
    Ok(engine)
}
