//! A module inside this process: its serial stream, its handle, its life.

#[cfg(test)]
mod stand_in;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use espat_core::{Instant, Mark, ModuleConfig, PowerEvent, Timing};
    use espat_host::{HandleError, Module, NetOptions};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use crate::stand_in::{Ask, Bench, DEADLINE, Fed, StandIn, start};

    fn fast() -> ModuleConfig {
        ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        }
    }

    #[tokio::test]
    async fn serial_bytes_come_and_go_and_return_credit() {
        let (mut serial, mut bench) = start(NetOptions::default());
        serial.write_all(b"AT\r\n").await.unwrap();
        assert_eq!(bench.next().await, Fed::Serial(b"AT\r\n".to_vec()));
        bench.ask(Ask::Serial(Mark::Result, b"\r\nOK\r\n".to_vec()));
        let mut answer = [0; 6];
        timeout(DEADLINE, serial.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&answer, b"\r\nOK\r\n");
        assert_eq!(bench.next().await, Fed::SerialSent(6));
    }

    #[tokio::test]
    async fn the_host_waits_while_the_module_has_no_room() {
        let (mut serial, mut bench) = start(NetOptions::default());
        bench.set_serial_room(0);
        bench.settle().await;
        serial.write_all(b"abcdef").await.unwrap();
        bench.settle().await;
        assert_eq!(bench.drain(), []);
        bench.set_serial_room(4);
        assert_eq!(bench.next().await, Fed::Serial(b"abcd".to_vec()));
        assert_eq!(bench.next().await, Fed::Serial(b"ef".to_vec()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_fires_once_at_its_time_and_only_while_it_is_wanted() {
        let (_serial, mut bench) = start(NetOptions::default());
        bench.settle().await;
        bench.set_wake_at(Some(Instant::from_millis(700)));
        bench.set_wake_at(Some(Instant::from_millis(500)));
        let (at, fed) = bench.next_at().await;
        assert_eq!(fed, Fed::Tick);
        assert!((500..510).contains(&(at.as_micros() / 1000)), "{at}");
        bench.set_wake_at(Some(Instant::from_millis(900)));
        bench.set_wake_at(None);
        bench.settle().await;
        let before = bench.handle.counts();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(bench.handle.counts(), before);
        assert_eq!(bench.drain(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn realistic_output_keeps_the_pace_of_the_line() {
        let (engine, bench) = StandIn::new();
        let (mut serial, handle) = Module::new(ModuleConfig::new()).drive_in_process(engine);
        let mut bench: Bench = bench(handle);
        bench.ask(Ask::Serial(Mark::Payload, vec![b'x'; 1152]));
        let (mut sent, mut slices) = (0, 0);
        let (first_at, end_at) = loop {
            let (at, fed) = bench.next_at().await;
            let Fed::SerialSent(n) = fed else {
                panic!("{fed:?}")
            };
            slices += 1;
            sent += n;
            if sent == 1152 {
                break (Instant::ZERO, at);
            }
        };
        // 1152 bytes of 10 bits at 115200 baud take 100 ms.
        let took = end_at.since(first_at).as_millis();
        assert!((100..=103).contains(&took), "{took} ms");
        assert!((25..=101).contains(&slices), "{slices} slices");
        let mut all = vec![0; 1152];
        serial.read_exact(&mut all).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn new_line_settings_count_from_the_bytes_after_them() {
        let (engine, bench) = StandIn::new();
        let config = ModuleConfig::new();
        let uart = config.profile.factory.uart;
        let (_serial, handle) = Module::new(config).drive_in_process(engine);
        let mut bench: Bench = bench(handle);
        bench.ask(Ask::Serial(Mark::Result, vec![b'x'; 115]));
        bench.ask(Ask::Uart(espat_core::UartConfig {
            baud: uart.baud / 10,
            ..uart
        }));
        bench.ask(Ask::Serial(Mark::Payload, vec![b'y'; 115]));
        let mut sent = 0;
        let end_at = loop {
            match bench.next_at().await {
                (at, Fed::SerialSent(n)) => {
                    sent += n;
                    if sent == 230 {
                        break at;
                    }
                }
                (_, other) => panic!("{other:?}"),
            }
        };
        let took = end_at.as_micros() / 1000;
        assert!((109..=114).contains(&took), "{took} ms");
    }

    #[tokio::test]
    async fn it_ends_when_stopped() {
        let (mut serial, handle) = Module::spawn(fast()).unwrap();
        handle.stop().await;
        assert_eq!(handle.power(PowerEvent::Reset), Err(HandleError::Stopped));
        assert_eq!(handle.inspect(|_| ()).await, Err(HandleError::Stopped));
        let mut rest = Vec::new();
        timeout(DEADLINE, serial.read_to_end(&mut rest))
            .await
            .unwrap()
            .unwrap();
    }

    #[tokio::test]
    async fn it_outlives_its_stream_while_there_is_a_handle() {
        let (serial, bench) = start(NetOptions::default());
        bench.settle().await;
        drop(serial);
        bench.ask(Ask::Serial(Mark::Report, vec![b'x'; 100_000]));
        bench.settle().await;
        let handle = bench.handle.clone();
        drop(bench);
        handle.inspect(|_| ()).await.unwrap();
        assert_eq!(handle.counts().serial_out, 100_000);
    }

    #[tokio::test]
    async fn it_ends_when_stream_and_handle_are_gone() {
        for stream_first in [true, false] {
            let (engine, bench) = StandIn::new();
            let (serial, handle) = Module::new(fast()).drive_in_process(engine);
            let bench: Bench = bench(handle);
            bench.settle().await;
            if stream_first {
                drop(serial);
                bench.abandoned().await;
            } else {
                tokio::join!(bench.abandoned(), async { drop(serial) });
            }
        }
    }

    #[tokio::test]
    async fn an_idle_module_is_never_woken() {
        let (mut serial, handle) = Module::spawn(fast()).unwrap();
        let mut said = Vec::new();
        while !said.ends_with(b"ready\r\n") {
            said.push(timeout(DEADLINE, serial.read_u8()).await.unwrap().unwrap());
        }
        handle.inspect(|_| ()).await.unwrap();
        let before = handle.counts().wakeups;
        // Real time: whatever would wake an idle module has to have the chance to.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(handle.counts().wakeups, before);
    }

    #[tokio::test]
    async fn many_modules_start_quickly() {
        // The time that this thread computes for: what others do on this computer does not count.
        let time = || {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            Duration::try_from(time).unwrap()
        };
        let began = time();
        let modules: Vec<_> = (0..1000).map(|_| Module::spawn(fast()).unwrap()).collect();
        for (_, handle) in &modules {
            handle.inspect(|_| ()).await.unwrap();
        }
        // 100 us each is what is wanted of a release build; the bound here only catches what is far off.
        let took = time() - began;
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}
