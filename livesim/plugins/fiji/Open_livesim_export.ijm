// Opens what `livesim export ... --out NAME.tif` wrote: with a scale bar, and every gap named.
//
// In Fiji or ImageJ: Plugins > Macros > Run..., then choose the file. In a script:
// runMacro("Open_livesim_export.ijm", "/path/of/NAME.tif").
//
// A gap is a raw stack of which there is no image. In 16 bits it is 0 in every pixel, which no image
// is: counts are spread from the least to the greatest value. The macro writes "no image" over it,
// and lists it in the log. Nothing of the file is changed.

path = getArgument();
if (path == "") path = File.openDialog("Export of livesim (NAME.tif)");
open(path);
if (indexOf(getMetadata("Info"), "livesim-recipe/1") < 0) {
	close();
	exit(path + ": expected what livesim export wrote as NAME.tif, found no recipe of livesim in it");
}
gaps = markGaps();
addBar();
print(path + ": " + nSlices + " images, " + gaps + " without one");

function markGaps() {
	found = 0;
	shown = getSliceNumber();
	size = maxOf(10, getWidth() / 16);
	setFont("SansSerif", size, "antialiased");
	setColor("yellow");
	setBatchMode(true);
	for (slice = 1; slice <= nSlices; slice++) {
		setSlice(slice);
		getRawStatistics(count, mean, least, greatest);
		if (greatest == 0) {
			Overlay.drawString("no image", size, 2 * size);
			Stack.getPosition(channel, plane, frame);
			if (Stack.isHyperstack) Overlay.setPosition(channel, plane, frame);
			else Overlay.setPosition(slice);
			print("no image: channel " + channel + ", z " + plane + ", time " + frame);
			found++;
		}
	}
	setSlice(shown);
	Overlay.show;
	setBatchMode("exit and display");
	return found;
}

// The longest of 1, 2, 5, 10, ... that is at most a quarter of the width.
function addBar() {
	getPixelSize(unit, width, height);
	most = getWidth() * width / 4;
	length = pow(10, floor(log(most) / log(10)));
	if (5 * length <= most) length = 5 * length;
	else if (2 * length <= most) length = 2 * length;
	thick = maxOf(2, getHeight() / 100);
	font = maxOf(10, getHeight() / 24);
	run("Scale Bar...", "width=" + length + " height=" + thick + " thickness=" + thick + " font=" + font
		+ " color=White background=None location=[Lower Right] horizontal bold overlay");
}
