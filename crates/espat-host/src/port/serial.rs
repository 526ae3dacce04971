//! A real UART as the serial port.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll, ready};

use espat_core::UartConfig;
use serial2_tokio::{CharSize, FlowControl, Parity, SerialPort as Device, Settings, StopBits};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Port, PortError, PortEvent};

/// `DEVICE[@BAUD]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialName {
    /// The device.
    pub device: PathBuf,
    /// The rate at first; without it the module's.
    pub baud: Option<u32>,
}

/// A port on a serial device.
#[derive(Debug)]
pub struct SerialPort {
    name: PathBuf,
    device: Device,
}

impl FromStr for SerialName {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        let (device, baud) = match text.rsplit_once('@') {
            Some((device, baud)) => {
                let baud = baud.parse().ok().filter(|&baud| baud > 0);
                (
                    device,
                    Some(baud.ok_or_else(|| PortError::SerialName(text.into()))?),
                )
            }
            None => (text, None),
        };
        if device.is_empty() {
            return Err(PortError::SerialName(text.into()));
        }
        Ok(Self {
            device: device.into(),
            baud,
        })
    }
}

impl SerialPort {
    /// Opens a device with the module's line settings.
    ///
    /// # Errors
    /// [`PortError::OpenSerial`] where there is no such device, or it is not ours to use.
    pub fn open(name: &SerialName, uart: UartConfig) -> Result<Self, PortError> {
        let uart = UartConfig {
            baud: name.baud.unwrap_or(uart.baud),
            ..uart
        };
        let device = Device::open(&name.device, |mut settings: Settings| {
            settings.set_raw();
            apply(&mut settings, uart)?;
            Ok(settings)
        });
        match device {
            Ok(device) => Ok(Self {
                name: name.device.clone(),
                device,
            }),
            Err(source) => Err(PortError::OpenSerial {
                device: name.device.clone(),
                source,
            }),
        }
    }

    fn change(&mut self, uart: UartConfig) -> io::Result<()> {
        let mut settings = self.device.get_configuration()?;
        apply(&mut settings, uart)?;
        self.device.set_configuration(&settings)
    }

    fn lost(&self, source: io::Error) -> PortError {
        PortError::LoseSerial {
            device: self.name.clone(),
            source,
        }
    }
}

fn apply(settings: &mut Settings, uart: UartConfig) -> io::Result<()> {
    settings.set_baud_rate(uart.baud)?;
    settings.set_char_size(match uart.data_bits {
        5 => CharSize::Bits5,
        6 => CharSize::Bits6,
        7 => CharSize::Bits7,
        _ => CharSize::Bits8,
    });
    // UARTs of computers have no 1.5 stop bits but with 5 data bits, where they mean the same as 2.
    settings.set_stop_bits(if uart.stop_bits == 1 {
        StopBits::One
    } else {
        StopBits::Two
    });
    settings.set_parity(match uart.parity {
        1 => Parity::Odd,
        2 => Parity::Even,
        _ => Parity::None,
    });
    settings.set_flow_control(match uart.flow {
        0 => FlowControl::None,
        _ => FlowControl::RtsCts,
    });
    Ok(())
}

impl Port for SerialPort {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Result<PortEvent, PortError>> {
        Poll::Pending
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, PortError>> {
        let mut buffer = ReadBuf::new(buffer);
        let read = ready!(Pin::new(&mut self.device).poll_read(cx, &mut buffer));
        let n = buffer.filled().len();
        Poll::Ready(match read {
            Ok(()) if n > 0 => Ok(n),
            Ok(()) => Err(self.lost(ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.lost(error)),
        })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PortError>> {
        let written = ready!(Pin::new(&mut self.device).poll_write(cx, bytes));
        Poll::Ready(written.map_err(|error| self.lost(error)))
    }

    fn set_line(&mut self, uart: UartConfig) {
        if let Err(error) = self.change(uart) {
            let (name, baud) = (self.name.display(), uart.baud);
            tracing::warn!(
                "{name}: the module's line settings ({baud} baud) cannot be set: {error}"
            );
        }
    }

    fn garbles(&self) -> bool {
        true
    }

    fn sees_opens(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_a_rate() {
        let name = |text: &str| text.parse::<SerialName>();
        assert_eq!(
            name("/dev/ttyUSB0@9600").unwrap(),
            SerialName {
                device: "/dev/ttyUSB0".into(),
                baud: Some(9600)
            }
        );
        assert_eq!(name("/dev/ttyUSB0").unwrap().baud, None);
        for wrong in [
            "",
            "@9600",
            "/dev/ttyUSB0@",
            "/dev/ttyUSB0@fast",
            "/dev/ttyUSB0@0",
        ] {
            assert!(matches!(name(wrong), Err(PortError::SerialName(named)) if named == wrong));
        }
    }
}
