"""Query/Retrieve SCP: an archive with an index in a database."""
