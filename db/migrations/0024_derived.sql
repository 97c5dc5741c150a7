-- What follows from the whole directory is computed by every run, which takes Postgres
-- less time than the run's calls to the provider take.
DROP TABLE settled_directories;
