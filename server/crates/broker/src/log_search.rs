//! One look through the log's end at the start, for all who must know what was stored after they
//! last noted how far they are.
use remora_protocol::record::Record;
use remora_store::Store;
use remora_store::read::ReadError;

use crate::broker::Broker;
use crate::timer::TimerError;
use crate::transaction_state::Restored;

/// What one of them looks for.
pub(crate) struct Search<'s> {
    /// Physical offset of a record, or the log's end.
    pub from: u64,
    /// Is shown every record from there on.
    pub each: &'s mut dyn FnMut(&Record<'_>),
}

/// Reads the log once, from where the first search begins; gives how many records that were.
pub(crate) fn search_log(
    store: &Store,
    searches: &mut [Option<Search<'_>>],
) -> Result<u64, ReadError> {
    let mut records = 0;
    let Some(from) = searches.iter().flatten().map(|search| search.from).min() else {
        return Ok(records);
    };
    store.records_from(from, &mut |record, physical_offset| {
        records += 1;
        for search in searches.iter_mut().flatten() {
            if search.from <= physical_offset {
                (search.each)(record);
            }
        }
    })?;
    Ok(records)
}

/// Shows those who need it what the log has behind their last notes; gives how many records were
/// read for it.
pub(crate) fn search_at_start(
    broker: &Broker,
    transactions: Option<Restored>,
) -> Result<u64, TimerError> {
    let mut transactions = transactions;
    let mut timer = broker.timers.lock();
    let from_timer = timer.search_from()?;
    let from_transactions = transactions.as_ref().and_then(Restored::search_from);
    let mut to_timer = |record: &Record<'_>| timer.look_at(record);
    let mut to_transactions = |record: &Record<'_>| {
        if let Some(transactions) = &mut transactions {
            transactions.look_at(record);
        }
    };
    let mut searches = [
        from_timer.map(|from| Search { from, each: &mut to_timer }),
        from_transactions.map(|from| Search { from, each: &mut to_transactions }),
    ];
    let searched = search_log(&broker.store, &mut searches);
    drop(timer);
    if let Some(transactions) = transactions {
        transactions.put_in_force(broker);
    }
    match searched {
        // What a decision means was stored; that it is decided is found out by asking again.
        Err(error) if from_timer.is_none() => {
            tracing::error!(%error, "the log's end was not searched for decisions");
            Ok(0)
        }
        searched => Ok(searched?),
    }
}
