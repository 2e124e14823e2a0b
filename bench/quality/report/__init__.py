"""Hold livesim beside the MPhil report: two-step denoising of drawn microtubules and ER."""
