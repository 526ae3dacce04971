//! `factory_param` of `AT+SYSMFG`: what the firmware takes from it at each boot (manual, How to Create Factory Parameter Bin).

use alloc::vec::Vec;

use super::{Flash, Image, MANUFACTURING, Value};

/// What manufacture wrote of the radio. The line of the UART is not in it: the firmware copies that into its settings at its first
/// boot, so that it comes to nothing later.
#[derive(Debug, Default)]
pub(crate) struct FactoryParam {
    /// In quarters of a dBm.
    pub(crate) power: Option<u8>,
    pub(crate) country_code: Option<Vec<u8>>,
    pub(crate) first_channel: Option<u8>,
    pub(crate) channels: Option<u8>,
}

impl Flash {
    /// Nothing where the firmware line has no such partition.
    pub(crate) fn factory_param(&self) -> FactoryParam {
        let content = self.content(MANUFACTURING);
        if content.is_empty() {
            return FactoryParam::default();
        }
        let image = Image::decode(content);
        let namespace = image.namespace(b"factory_param");
        let value = |key| namespace.and_then(|namespace| namespace.value(key));
        let number = |key| match value(key) {
            Some(&Value::Number(_, number)) => u8::try_from(number).ok(),
            Some(Value::Text(_) | Value::Binary(_)) | None => None,
        };
        FactoryParam {
            power: number(b"max_tx_power"),
            country_code: match value(b"country_code") {
                Some(Value::Text(code)) => Some(code.clone()),
                Some(Value::Number(..) | Value::Binary(_)) | None => None,
            },
            first_channel: number(b"start_channel"),
            channels: number(b"channel_num"),
        }
    }
}
