-- Says that a transaction was begun: a setting local to it, which is gone with this statement where BEGIN failed. No parameters.
set local counterfoil.begun = 'yes';
