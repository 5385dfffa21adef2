"""An embedded GitHub, AWS and workflow runner, to run the whole pipeline on one laptop."""
