//! A module on TCP, on standard input and output, and on a serial device.

#[cfg(test)]
mod stand_in;

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::SocketAddr;

    use espat_core::{Mark, ModuleConfig, PowerEvent, Timing, UartConfig};
    use espat_host::{
        DriverError, Module, Port, PortError, PowerPolicy, PtyPort, SerialName, SerialPort,
        StdioPort, TcpPort,
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use crate::stand_in::{Ask, Bench, DEADLINE, Fed, StandIn};

    type Running = JoinHandle<Result<(), DriverError>>;

    fn config() -> ModuleConfig {
        ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        }
    }

    fn start(port: impl Port, power: PowerPolicy) -> (Running, Bench) {
        let (engine, bench) = StandIn::new();
        let (driver, handle) = Module::new(config()).power(power).drive(port, engine);
        (tokio::spawn(driver), bench(handle))
    }

    async fn tcp(power: PowerPolicy) -> (SocketAddr, Bench) {
        let port = TcpPort::listen("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let at = port.local_addr().unwrap();
        (at, start(port, power).1)
    }

    async fn hear(bench: &mut Bench, expected: &[u8]) {
        assert_eq!(bench.next().await, Fed::Serial(expected.to_vec()));
        assert_eq!(bench.next().await, Fed::SerialBreak);
    }

    #[tokio::test]
    async fn a_tcp_host_sends_chunks() {
        let (at, mut bench) = tcp(PowerPolicy::OnOpen).await;
        let mut host = TcpStream::connect(at).await.unwrap();
        host.write_all(b"AT\r\n").await.unwrap();
        hear(&mut bench, b"AT\r\n").await;
        bench.set_serial_room(2);
        host.write_all(b"+++x").await.unwrap();
        assert_eq!(bench.next().await, Fed::Serial(b"++".to_vec()));
        assert_eq!(bench.next().await, Fed::Serial(b"+x".to_vec()));
        assert_eq!(bench.next().await, Fed::SerialBreak);
    }

    #[tokio::test]
    async fn a_second_tcp_host_is_refused() {
        let (at, mut bench) = tcp(PowerPolicy::OnOpen).await;
        let mut first = TcpStream::connect(at).await.unwrap();
        first.write_all(b"1").await.unwrap();
        hear(&mut bench, b"1").await;
        let mut second = TcpStream::connect(at).await.unwrap();
        let end = timeout(DEADLINE, second.read(&mut [0; 1])).await.unwrap();
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        assert_eq!(bench.handle.counts().hosts_refused, 1);
        first.write_all(b"2").await.unwrap();
        hear(&mut bench, b"2").await;
    }

    #[tokio::test]
    async fn a_tcp_host_that_only_listens_on_keeps_the_port_until_the_next_comes() {
        let (at, mut bench) = tcp(PowerPolicy::EachOpen).await;
        let mut first = TcpStream::connect(at).await.unwrap();
        first.write_all(b"AT\r\n").await.unwrap();
        first.shutdown().await.unwrap();
        hear(&mut bench, b"AT\r\n").await;
        bench.ask(Ask::Serial(Mark::Result, b"OK".to_vec()));
        let mut answer = [0; 2];
        timeout(DEADLINE, first.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(bench.next().await, Fed::SerialSent(2));
        let _second = TcpStream::connect(at).await.unwrap();
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::Off));
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::On));
        assert_eq!(
            timeout(DEADLINE, first.read(&mut [0; 1]))
                .await
                .unwrap()
                .unwrap(),
            0
        );
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let port = TcpPort::listen("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let taken = port.local_addr().unwrap();
        let error = TcpPort::listen(taken).await.unwrap_err();
        assert!(matches!(error, PortError::Listen { at, .. } if at == taken));
    }

    #[tokio::test]
    async fn standard_input_ends_the_module_after_its_answers() {
        let (input, mut typed) = std::io::pipe().unwrap();
        let (mut shown, output) = std::io::pipe().unwrap();
        let (running, mut bench) =
            start(StdioPort::on(&input, &output).unwrap(), PowerPolicy::OnOpen);
        drop((input, output));
        typed.write_all(b"AT\r\n").unwrap();
        hear(&mut bench, b"AT\r\n").await;
        bench.ask(Ask::Serial(Mark::Result, b"OK".to_vec()));
        assert_eq!(bench.next().await, Fed::SerialSent(2));
        drop(typed);
        timeout(DEADLINE, running).await.unwrap().unwrap().unwrap();
        let mut all = String::new();
        shown.read_to_string(&mut all).unwrap();
        assert_eq!(all, "OK");
    }

    #[tokio::test]
    async fn standard_input_can_be_a_file() {
        let path = std::env::temp_dir().join(format!("espat-stdio-{}", std::process::id()));
        std::fs::write(&path, "AT\r\n").unwrap();
        let (_shown, output) = std::io::pipe().unwrap();
        let input = std::fs::File::open(&path).unwrap();
        let (running, mut bench) = start(StdioPort::on(input, output).unwrap(), PowerPolicy::Now);
        hear(&mut bench, b"AT\r\n").await;
        timeout(DEADLINE, running).await.unwrap().unwrap().unwrap();
        std::fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn a_closed_standard_output_ends_the_module_with_an_error() {
        let (input, _typed) = std::io::pipe().unwrap();
        let (shown, output) = std::io::pipe().unwrap();
        let (running, bench) = start(StdioPort::on(input, output).unwrap(), PowerPolicy::Now);
        drop(shown);
        bench.ask(Ask::Serial(Mark::Result, b"OK".to_vec()));
        let ended = timeout(DEADLINE, running).await.unwrap().unwrap();
        assert!(matches!(
            ended,
            Err(DriverError::Port(PortError::Stdio {
                stream: "output",
                ..
            }))
        ));
    }

    #[tokio::test]
    async fn a_serial_device_follows_the_modules_line_settings() {
        // The other side of the device: a PTY whose master plays the host.
        let pty = PtyPort::open(None).unwrap();
        let name: SerialName = format!("{}@9600", pty.device().display()).parse().unwrap();
        let uart = config().profile.factory.uart;
        let (host_running, mut host) = start(pty, PowerPolicy::Now);
        host.settle().await;
        let (running, mut bench) = start(SerialPort::open(&name, uart).unwrap(), PowerPolicy::Now);
        let speed = || {
            let device = std::fs::File::options()
                .read(true)
                .write(true)
                .open(&name.device)
                .unwrap();
            rustix::termios::tcgetattr(device).unwrap().output_speed()
        };
        assert_eq!(speed(), 9600);
        bench.ask(Ask::Serial(Mark::Result, b"OK".to_vec()));
        bench.ask(Ask::Uart(UartConfig {
            baud: 74_880,
            ..uart
        }));
        assert_eq!(bench.next().await, Fed::SerialSent(2));
        assert_eq!(host.next().await, Fed::Serial(b"OK".to_vec()));
        bench.settle().await;
        assert_eq!(speed(), 74_880);
        host.ask(Ask::Serial(Mark::Payload, b"hello".to_vec()));
        assert_eq!(bench.next().await, Fed::Serial(b"hello".to_vec()));
        host.handle.stop().await;
        host_running.await.unwrap().unwrap();
        let ended = timeout(DEADLINE, running).await.unwrap().unwrap();
        assert!(
            matches!(ended, Err(DriverError::Port(PortError::LoseSerial { .. }))),
            "{ended:?}"
        );
    }

    #[tokio::test]
    async fn a_missing_serial_device_is_named() {
        let name: SerialName = "/dev/no-such-device".parse().unwrap();
        let error = SerialPort::open(&name, config().profile.factory.uart).unwrap_err();
        assert!(error.to_string().contains("/dev/no-such-device"), "{error}");
    }
}
