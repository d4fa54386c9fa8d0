-- Takes the registration of one channel back. Parameter: channel.
unlisten :"channel";
