-- Lets the server notice within about 25 s that our machine is gone, so that locks of a lost session do not linger.
-- Run once per session; ignored on Unix sockets; allowed to fail, because not every operating system can. No parameters.
set tcp_keepalives_idle = 10;
set tcp_keepalives_interval = 5;
set tcp_keepalives_count = 3;
set tcp_user_timeout = 15000;
