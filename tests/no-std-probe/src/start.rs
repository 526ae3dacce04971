//! The entry point and the exit, without a C library.

use core::panic::PanicInfo;

// The kernel enters with an aligned stack and no return address; a function of ours is entered by a call.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(".globl _start", "_start:", "xor ebp, ebp", "call {run}", run = sym run);

#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(".globl _start", "_start:", "bl {run}", run = sym run);

extern "C" fn run() -> ! {
    let status = if crate::module_answers() { 0 } else { 1 };
    exit(status)
}

#[panic_handler]
fn on_panic(_: &PanicInfo<'_>) -> ! {
    exit(101)
}

/// The precompiled `alloc` names it in unwinding tables, which nothing here reads.
// The linker looks for this name.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: exit_group (231) does not return and touches no memory.
    unsafe {
        core::arch::asm!("syscall", in("rax") 231, in("rdi") status, options(noreturn, nostack))
    }
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: exit_group (94) does not return and touches no memory.
    unsafe { core::arch::asm!("svc #0", in("x8") 94, in("x0") status, options(noreturn, nostack)) }
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
pub(crate) fn exit(_: i32) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
