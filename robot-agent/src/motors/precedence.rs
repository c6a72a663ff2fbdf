//! The motor thread comes before everything else on the machine: the end of a pulse is a promise,
//! and an encoder, an update or a log that is searched can wait.

use thread_priority::{
    RealtimeThreadSchedulePolicy::Fifo, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Asks for real-time scheduling of the calling thread, and of those that it starts: the pulse
/// thread of the Explorer HAT. At the lowest of its priorities, which is above every ordinary
/// thread and below the kernel's own, of which a bus transfer has need.
pub(super) fn take() {
    let policy = ThreadSchedulePolicy::Realtime(Fifo);
    match set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        Ok(()) => tracing::debug!("the motor thread is scheduled in real time"),
        // The unit allows it; whoever starts the robot by hand seldom may.
        Err(error) => tracing::info!(
            "the motor thread is not scheduled in real time ({error}): on a busy machine motion \
             may end some tenths of a second late"
        ),
    }
}
