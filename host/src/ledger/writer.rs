//! Keeping steps beside the work: whoever hands one in goes on, and what waits is written together.
//!
//! Every transaction waits for the disk, and gates are faster than disks. So steps that came in while one transaction was
//! written go into the next one, all of them or none, in the order in which they came.

use std::{
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread::JoinHandle,
};

use super::{Ledger, LedgerError, RunStart, Step};

/// Steps that wait at most: whoever is faster than the disk for long waits for it after all.
const WAITING: usize = 64;

enum Order {
    /// Keep these, all of them or none.
    Keep(Vec<Step<'static>>),
    /// Answer once everything before is on disk.
    Settle(Sender<()>),
}

/// Keeps the steps of one run, from any number of threads; its begin too, if it is handed in with it.
#[derive(Debug)]
pub struct Writer {
    orders: SyncSender<Order>,
    thread: JoinHandle<Result<Ledger, LedgerError>>,
    /// Why it stopped; told before anybody sees that it did.
    failure: Arc<OnceLock<LedgerError>>,
}

impl Writer {
    /// Keeps a run that begins, and then its steps. That it could not begin is told as for a step.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn begin(mut ledger: Ledger, start: RunStart<'static>) -> Result<Self, LedgerError> {
        Self::spawn(move |orders, failure| {
            ledger.begin(&start)?;
            write(ledger, &start.run, orders, failure)
        })
    }

    /// Keeps steps of a run that has begun.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn resume(ledger: Ledger, run: String) -> Result<Self, LedgerError> {
        Self::spawn(move |orders, failure| write(ledger, &run, orders, failure))
    }

    fn spawn(
        work: impl FnOnce(&Receiver<Order>, &OnceLock<LedgerError>) -> Result<Ledger, LedgerError> + Send + 'static,
    ) -> Result<Self, LedgerError> {
        let (orders, incoming) = sync_channel(WAITING);
        let failure = Arc::new(OnceLock::new());
        let told = Arc::clone(&failure);
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            let ended = work(&incoming, &told);
            if let Err(error) = &ended {
                let _ = told.set(error.clone());
            }
            ended
        })?;
        Ok(Self { orders, thread, failure })
    }

    /// Hands in a step. Should the ledger have failed before, it is lost; [`Writer::settle`] and [`Writer::end`] say so.
    pub fn keep(&self, step: Step<'static>) {
        self.keep_all(vec![step]);
    }

    /// Hands in steps that are kept together or not at all.
    pub fn keep_all(&self, steps: Vec<Step<'static>>) {
        let _ = self.orders.send(Order::Keep(steps));
    }

    /// Waits until everything that was handed in is on disk.
    ///
    /// # Errors
    /// The first error that kept a step from being kept.
    pub fn settle(&self) -> Result<(), LedgerError> {
        let (answer, settled) = channel();
        if self.orders.send(Order::Settle(answer)).is_ok() && settled.recv().is_ok() {
            return Ok(());
        }
        let panicked = || LedgerError::Io("the thread that writes panicked".to_owned());
        Err(self.failure.get().cloned().unwrap_or_else(panicked))
    }

    /// Waits until everything is on disk, and gives the ledger back.
    ///
    /// # Errors
    /// The first error that kept a step from being kept.
    pub fn end(self) -> Result<Ledger, LedgerError> {
        drop(self.orders);
        self.thread.join().unwrap_or_else(|_| Err(LedgerError::Io("the thread that writes panicked".to_owned())))
    }
}

/// Writes until nobody hands in any more, or something fails: then whoever waits is told by the end of the channel.
fn write(
    mut ledger: Ledger,
    run: &str,
    incoming: &Receiver<Order>,
    failure: &OnceLock<LedgerError>,
) -> Result<Ledger, LedgerError> {
    while let Ok(first) = incoming.recv() {
        let mut steps = Vec::new();
        let mut settled = Vec::new();
        for order in std::iter::once(first).chain(incoming.try_iter().take(WAITING)) {
            match order {
                Order::Keep(more) => steps.extend(more),
                Order::Settle(answer) => settled.push(answer),
            }
        }
        if !steps.is_empty()
            && let Err(error) = ledger.steps(run, &steps)
        {
            // Before whoever waits for an answer sees that none comes.
            let _ = failure.set(error.clone());
            return Err(error);
        }
        for answer in settled {
            // Whoever asked may have gone.
            let _ = answer.send(());
        }
    }
    Ok(ledger)
}
