"""What several jobs share: pieces of a job, none of them a job."""
