//! Bytes that a handle puts on the line, either way.

#[cfg(test)]
mod stand_in;

#[cfg(test)]
mod tests {
    use espat_core::Mark;
    use espat_host::{HandleError, NetOptions, PowerPolicy, TcpPort};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use crate::stand_in::{Ask, DEADLINE, Fed, StandIn, start};

    #[tokio::test]
    async fn the_module_gets_injected_bytes_as_it_has_room() {
        let (mut serial, mut bench) = start(NetOptions::default());
        bench.set_serial_room(3);
        bench.handle.send(b"AT\r\n".to_vec()).await.unwrap();
        assert_eq!(bench.next().await, Fed::Serial(b"AT\r".to_vec()));
        assert_eq!(bench.next().await, Fed::Serial(b"\n".to_vec()));
        serial.write_all(b"AT").await.unwrap();
        assert_eq!(bench.next().await, Fed::Serial(b"AT".to_vec()));
        bench.set_serial_room(0);
        bench.handle.send(vec![b'x'; 60_000]).await.unwrap();
        let full = bench.handle.send(vec![b'x'; 6_000]).await;
        assert_eq!(full, Err(HandleError::Full));
        bench.set_serial_room(100_000);
        let mut got = 0;
        while got < 60_000 {
            let Fed::Serial(bytes) = bench.next().await else {
                panic!("no serial input")
            };
            got += bytes.len();
        }
        assert_eq!(got, 60_000);
        bench.handle.send(b"again".to_vec()).await.unwrap();
        assert_eq!(bench.next().await, Fed::Serial(b"again".to_vec()));
    }

    #[tokio::test]
    async fn the_host_gets_emitted_bytes_in_order_and_the_module_no_credit_for_them() {
        let (mut serial, mut bench) = start(NetOptions::default());
        bench.ask(Ask::Serial(Mark::Line, b"one".to_vec()));
        assert_eq!(bench.next().await, Fed::SerialSent(3));
        bench.handle.emit(b"noise".to_vec()).await.unwrap();
        bench.ask(Ask::Serial(Mark::Line, b"two".to_vec()));
        let mut said = [0; 11];
        timeout(DEADLINE, serial.read_exact(&mut said))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&said, b"onenoisetwo");
        assert_eq!(bench.next().await, Fed::SerialSent(3));
        // More than the port takes: some wait, and no more than there is room for.
        bench.handle.emit(vec![b'x'; 60_000]).await.unwrap();
        let full = bench.handle.emit(vec![b'x'; 60_000]).await;
        assert_eq!(full, Err(HandleError::Full));
        bench.ask(Ask::Serial(Mark::Line, b"end".to_vec()));
        let mut said = vec![0; 60_003];
        timeout(DEADLINE, serial.read_exact(&mut said))
            .await
            .unwrap()
            .unwrap();
        assert!(said.ends_with(b"xend"));
        assert_eq!(bench.next().await, Fed::SerialSent(3));
        assert_eq!(bench.drain(), []);
    }

    #[tokio::test]
    async fn before_the_first_power_on_nothing_takes_bytes() {
        let port = TcpPort::listen("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let (engine, bench) = StandIn::new();
        let module = espat_host::Module::new(espat_core::ModuleConfig::new());
        let (driver, handle) = module.power(PowerPolicy::OnOpen).drive(port, engine);
        tokio::spawn(driver);
        let bench = bench(handle);
        let never = Err(HandleError::NeverPowered);
        assert_eq!(bench.handle.send(b"AT".to_vec()).await, never);
        assert_eq!(bench.handle.emit(b"AT".to_vec()).await, never);
        bench.handle.stop().await;
        let stopped = Err(HandleError::Stopped);
        assert_eq!(bench.handle.send(b"AT".to_vec()).await, stopped);
    }
}
