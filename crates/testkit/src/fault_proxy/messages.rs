//! Where messages begin and end in the bytes of one direction.

/// Follows the framing of the protocol, the frontend's by default ([55.7]): start-up messages have a length only, later ones
/// a type byte and a length, and both lengths count themselves.
///
/// [55.7]: https://www.postgresql.org/docs/15/protocol-message-formats.html
#[derive(Debug, Default)]
pub(super) struct MessageBoundaries {
    started: bool,
    header: Vec<u8>,
    body_left: u64,
}

/// The codes of requests after which another start-up message follows: SSLRequest and GSSENCRequest.
const ENCRYPTION_REQUESTS: [u32; 2] = [80_877_103, 80_877_104];

impl MessageBoundaries {
    /// Of the backend, whose messages all have a type byte.
    pub(super) fn of_server() -> Self {
        Self {
            started: true,
            ..Self::default()
        }
    }

    /// Takes bytes up to the end of the message at hand: how many, and whether it is complete with them.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut taken = 0;
        // A start-up message's header includes its code, which says what follows.
        let header_length = if self.started { 5 } else { 8 };
        if self.body_left == 0 {
            taken = bytes.len().min(header_length - self.header.len());
            self.header.extend_from_slice(&bytes[..taken]);
            if self.header.len() < header_length {
                return (taken, false);
            }
            self.read_header();
        }
        let rest = u64::try_from(bytes.len() - taken)
            .unwrap_or(u64::MAX)
            .min(self.body_left);
        self.body_left -= rest;
        // No more than `bytes` holds, hence it fits.
        taken += usize::try_from(rest).unwrap_or(usize::MAX);
        (taken, self.body_left == 0)
    }

    /// Whether no part of an unfinished message has been taken.
    pub(super) fn at_start_of_message(&self) -> bool {
        self.body_left == 0 && self.header.is_empty()
    }

    fn read_header(&mut self) {
        let number = |at: usize| {
            self.header[at..at + 4]
                .iter()
                .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte))
        };
        if self.started {
            self.body_left = u64::from(number(1)).saturating_sub(4);
        } else {
            self.body_left = u64::from(number(0)).saturating_sub(8);
            self.started = !ENCRYPTION_REQUESTS.contains(&number(4));
        }
        self.header.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SSLRequest, a start-up message, Query, Sync, Terminate.
    fn conversation() -> Vec<Vec<u8>> {
        vec![
            vec![0, 0, 0, 8, 4, 210, 22, 47],
            vec![0, 0, 0, 11, 0, 3, 0, 0, b'a', 0, 0],
            vec![b'Q', 0, 0, 0, 6, b'x', 0],
            vec![b'S', 0, 0, 0, 4],
            vec![b'X', 0, 0, 0, 4],
        ]
    }

    /// However the bytes are cut into pieces, the messages end where they end.
    #[test]
    fn messages_end_where_they_end_for_every_piece_size() {
        let messages = conversation();
        let bytes = messages.concat();
        let ends: Vec<usize> = messages
            .iter()
            .scan(0, |end, message| {
                *end += message.len();
                Some(*end)
            })
            .collect();
        for size in 1..=bytes.len() {
            let mut boundaries = MessageBoundaries::default();
            let (mut position, mut found) = (0, Vec::new());
            for piece in bytes.chunks(size) {
                let mut taken = 0;
                while taken < piece.len() {
                    let (more, complete) = boundaries.advance(&piece[taken..]);
                    taken += more;
                    position += more;
                    if complete {
                        assert!(boundaries.at_start_of_message());
                        found.push(position);
                    }
                }
            }
            assert_eq!(found, ends, "in pieces of {size}");
        }
    }
}
