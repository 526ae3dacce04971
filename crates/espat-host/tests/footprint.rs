//! What a module in this process takes: memory and time.
#![allow(
    unsafe_code,
    reason = "an allocator that counts can be made in no other way"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use espat_core::{ModuleConfig, Timing};
    use espat_host::Module;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{HELD, Ordering};

    const MODULES: usize = 200;

    /// The time that this thread has computed for: what others do on this computer does not count.
    fn thread_time() -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap()
    }

    #[tokio::test]
    async fn a_module_takes_little_memory_and_time() {
        let config = || ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        };
        let before = HELD.load(Ordering::Relaxed);
        let began = thread_time();
        let mut modules: Vec<_> = (0..MODULES)
            .map(|_| Module::spawn(config()).unwrap())
            .collect();
        for (_, handle) in &modules {
            handle.inspect(|_| ()).await.unwrap();
        }
        let each = (thread_time() - began) / u32::try_from(MODULES).unwrap();
        for (serial, _) in &mut modules {
            serial.write_all(b"AT\r\n").await.unwrap();
            let mut said = Vec::new();
            while !said.ends_with(b"OK\r\n") {
                said.push(serial.read_u8().await.unwrap());
            }
        }
        let held = (HELD.load(Ordering::Relaxed) - before) / MODULES;
        println!("{each:?} and {held} bytes a module");
        assert!(held < 64 * 1024, "{held} bytes");
        // 100 us are asked of a release build; this is a debug build.
        assert!(each < Duration::from_millis(5), "{each:?}");
    }
}
