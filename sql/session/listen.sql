-- Registers for a channel. Must be committed before the first read, or what commits in between rings for nobody. Parameter: channel.
listen :"channel";
